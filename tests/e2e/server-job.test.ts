import { join } from "node:path";

import type { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { runCli, startCli } from "../support/cli.js";
import { type DevServer, devServers } from "../support/dev-server.js";
import { jobFiles, readFileRows } from "../support/job-files.js";
import { allowedEndpoint } from "../support/openai-env.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, range, readFailures } from "../support/rows.js";

const files = jobFiles();
const { freshFolder } = files;
const seeds = (count: number) =>
  files.write(Array.from({ length: count }, (_, index) => JSON.stringify({ instruction: `Explain step ${index} of making bread.` })).join("\n"));

let models: OpenAiServer;
let server: DevServer;
let client: Client;
const startDevServer = devServers();

beforeAll(async () => {
  models = await startOpenAiServer();
  server = await startDevServer({ folder: files.path("server"), env: allowedEndpoint(models.baseUrl) });
  client = server.client();
});
afterAll(() => models.close());
beforeEach(() => models.setHandler(() => undefined));

const online = () => ["--model", "openai:test", "--base-url", models.baseUrl, "--api-key-env", "TEST_KEY"];
const threads = async () => (await client.threads.search({ limit: 1000 })).length;

describe("generate --server", () => {
  it("gives the same rows as a job in this process, leaves no threads, and resumes to nothing", async () => {
    const file = await seeds(6);
    const [here, there] = [freshFolder(), freshFolder()];
    expect((await runCli(["generate", file, "--output", here])).code).toBe(0);
    const args = ["generate", file, "--output", there, "--server", server.url];
    expect(await runCli(args)).toMatchObject({ code: 0, stdout: "" });
    const byIndex = async (output: string) => (await readFileRows(output)).sort((a, b) => a.seed.index - b.seed.index);
    expect(await byIndex(there)).toEqual(await byIndex(here));
    expect(await threads()).toBe(0);
    const again = await runCli(args);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).toContain("6 by earlier runs");
    expect(await readFileRows(there)).toHaveLength(6);
  });

  it("reports what its conversations cost, and stops at a budget", async () => {
    const output = freshFolder();
    const args = ["generate", await seeds(8), "--output", output, "--server", server.url, "--concurrency", "2", "--turns", "1", ...online()];
    const first = await runCli([...args, "--max-tokens", "1"]);
    expect(first.code).toBe(3);
    expect(first.stderr).toContain("budget");
    const paid = (await readFileRows(output)).length;
    expect(paid).toBeGreaterThan(0);
    expect(paid).toBeLessThan(8);
    const rest = await runCli(args);
    expect(rest.code).toBe(0);
    const rows = await readFileRows(output);
    const tokens = (name: "inputTokens" | "outputTokens") => rows.reduce((sum, row) => sum + (row.usage[name] ?? 0), 0).toLocaleString("en");
    expect(rest.stderr).toContain(`8 calls, ${tokens("inputTokens")} input and ${tokens("outputTokens")} output tokens`);
  });

  it("takes the settings of an assistant, unless a flag says otherwise", async () => {
    const { assistant_id } = await client.assistants.create({ graphId: "review_instruct", context: { turns: 2, mode: "no_review", wordLimit: 50 } });
    const output = freshFolder();
    const run = await runCli(["generate", await seeds(1), "--output", output, "--server", server.url, "--assistant", assistant_id, "--turns", "4"]);
    expect(run.code).toBe(0);
    expect((await readFileRows(output))[0]?.turns.map(({ evolution }) => evolution)).toEqual(["seed", "follow_up", "follow_up", "follow_up"]);
    const missing = await runCli(["generate", await seeds(1), "--output", freshFolder(), "--server", server.url, "--assistant", "nothing"]);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toContain('no assistant or graph "nothing"');
  });

  it("takes up conversations, and keeps threads on demand, each with the id of its row", async () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello." },
      { role: "assistant", content: "Hello!" },
      { role: "user", content: "What is rye?" },
    ];
    const file = await files.write(JSON.stringify([{ messages }, { instruction: "Explain it.", input: "Bread", system: "Be kind." }]), "json");
    const output = freshFolder();
    expect((await runCli(["generate", file, "--output", output, "--server", server.url, "--turns", "2", "--keep-checkpoints"])).code).toBe(0);
    const rows = (await readFileRows(output)).sort((a, b) => a.seed.index - b.seed.index);
    expect(rows[0]?.messages.slice(0, 4)).toEqual(messages);
    expect(rows[0]?.turns).toHaveLength(2);
    expect(rows[1]?.messages.slice(0, 2)).toEqual([
      { role: "system", content: "Be kind." },
      { role: "user", content: "Explain it.\n\nBread" },
    ]);
    for (const { id, seed } of rows) expect((await client.threads.get(id)).metadata).toMatchObject({ conversation: id, seed_index: seed.index });
  });

  it("writes failures with code, turn, raw text and attempts, and tries again on demand, paying for nothing twice", async () => {
    models.setHandler(({ role, body }) =>
      role === "chairman" || !JSON.stringify(body.messages).includes("step 1 ")
        ? undefined
        : role === "candidate" && body.messages.length > 2
          ? { content: "" }
          : undefined,
    );
    const output = freshFolder();
    const args = ["generate", await seeds(3), "--output", output, "--server", server.url, "--turns", "2", ...online()];
    const first = await runCli(args);
    expect(first.code).toBe(2);
    expect(await readFailures(join(output, "failures.jsonl"))).toMatchObject([
      { seed: { index: 1 }, code: "response_empty", turn: 2, rawText: "", attempts: 3 },
    ]);
    models.setHandler(() => undefined);
    const before = models.requests.length;
    expect((await runCli([...args, "--retry-failed"])).code).toBe(0);
    expect(models.requests.slice(before).map(({ role }) => role)).toEqual(["candidate"]);
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    expect(getSeedIndexes(await readFileRows(output))).toEqual(range(3));
  });

  it("stops at once at what would fail every conversation, and says what to mend on the server", async () => {
    models.setHandler(() => ({ status: 401 }));
    const output = freshFolder();
    const unauthorized = await runCli(["generate", await seeds(20), "--output", output, "--server", server.url, "--concurrency", "2", ...online()]);
    expect(unauthorized.code).toBe(3);
    expect(unauthorized.stderr).toContain("TEST_KEY");
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    const elsewhere = ["--model", "openai:test", "--base-url", "http://127.0.0.1:9/v1"];
    const forbidden = await runCli(["generate", await seeds(20), "--output", freshFolder(), "--server", server.url, ...elsewhere]);
    expect(forbidden.code).toBe(3);
    expect(forbidden.stderr).toContain("REVIEW_INSTRUCT_ENDPOINTS");
  });

  it("keeps no more runs in flight than it is told", async () => {
    const output = freshFolder();
    models.setHandler(() => ({ latencyMs: 20 }));
    const peak: number[] = [];
    const run = startCli([
      "generate",
      await seeds(9),
      "--output",
      output,
      "--server",
      server.url,
      "--concurrency",
      "3",
      "--turns",
      "1",
      "--json-progress",
      ...online(),
    ]);
    const { code, stderr } = await run.result;
    expect(code).toBe(0);
    for (const line of stderr.trim().split("\n")) {
      const { type, active } = JSON.parse(line);
      if (type === "progress") peak.push(active);
    }
    expect(Math.max(...peak)).toBe(3);
  });

  it("cancels a run that shows no progress, and tries again", async () => {
    const before = models.requests.length;
    models.setHandler(({ index }) => (index === before ? { hang: true } : undefined));
    const args = ["generate", await seeds(1), "--output", freshFolder(), "--server", server.url, "--turns", "1", "--timeout", "3", ...online()];
    expect((await runCli(args)).code).toBe(0);
    expect(models.requests.slice(before).map(({ abandoned }) => abandoned)).toEqual([true, false]);
  });

  it.each([
    ["no URL", ["--server", "localhost"], "http or https", 1],
    ["credentials in it", ["--server", "http://me:secret@127.0.0.1:9"], "LANGGRAPH_API_KEY", 1],
    ["nobody there", ["--server", "http://127.0.0.1:9"], "does not answer", 3],
    ["a store of this process", ["--server", "http://127.0.0.1:9", "--checkpoint", "memory"], "cannot be used with", 1],
    ["a trace file", ["--server", "http://127.0.0.1:9", "--trace-file", "t.jsonl"], "cannot be used with option '--trace-file <file>'", 1],
    ["a sample of traces", ["--server", "http://127.0.0.1:9", "--trace-sample", "0.5"], "cannot be used with option '--trace-sample <share>'", 1],
  ])("refuses a server with %s before anything is made", async (_what, flags, said, exitCode) => {
    const output = freshFolder();
    const { code, stderr } = await runCli(["generate", await seeds(1), "--output", output, ...flags]);
    expect(code).toBe(exitCode);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain("secret@");
    await expect(readFileRows(output)).rejects.toThrow("ENOENT");
  });
});

describe("a job that is stopped", () => {
  it("waits for its conversations at the first signal, and cancels their runs at the second", async () => {
    const file = await seeds(4);
    const output = freshFolder();
    let release = () => {};
    const held = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
    models.setHandler(async ({ body }) => (JSON.stringify(body.messages).includes("step 0 ") ? held : { hang: true }));
    const before = models.requests.length;
    const args = ["generate", file, "--output", output, "--server", server.url, "--concurrency", "2", "--turns", "1", ...online()];
    const run = startCli(args);
    await models.arrived(before + 2);
    run.child.kill("SIGINT");
    await run.said("stopping");
    release();
    await expect.poll(async () => (await readFileRows(output)).length).toBe(1);
    const [hanging] = models.requests.slice(before).filter(({ answered }) => !answered);
    expect(hanging?.abandoned).toBe(false);
    run.child.kill("SIGINT");
    expect((await run.result).code).toBe(130);
    await models.idle();
    expect(hanging?.abandoned).toBe(true);
    expect(models.requests).toHaveLength(before + 2);

    models.setHandler(() => undefined);
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readFileRows(output))).toEqual(range(4));
  });

  it("that was killed finds its runs again: each conversation once, little paid twice", async () => {
    const output = freshFolder();
    const args = ["generate", await seeds(12), "--output", output, "--server", server.url, "--concurrency", "4", ...online()];
    models.setHandler(() => ({ latencyMs: 30 }));
    const before = models.requests.length;
    const run = startCli(args);
    await models.arrived(before + 40);
    run.child.kill("SIGKILL");
    await run.result;
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readFileRows(output))).toEqual(range(12));
    // At most the superstep that was under way in each conversation, a panel of three at worst.
    expect(models.requests.length - before).toBeLessThanOrEqual(12 * 11 + 4 * 3);
  });
});
