import { join } from "node:path";

import type { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { runCli, startCli } from "../support/cli.js";
import { type DevServer, useDevServers } from "../support/dev-server.js";
import { createJobFiles, readJobRows } from "../support/job-files.js";
import { createEndpointEnv } from "../support/openai-env.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, range, readFailures } from "../support/rows.js";

const files = createJobFiles();
const { createFolderPath } = files;
const writeSeeds = (count: number) =>
  files.write(Array.from({ length: count }, (_, index) => JSON.stringify({ instruction: `Explain step ${index} of making bread.` })).join("\n"));

let models: OpenAiServer;
let server: DevServer;
let client: Client;
const startDevServer = useDevServers();

beforeAll(async () => {
  models = await startOpenAiServer();
  server = await startDevServer({ folder: files.path("server"), env: createEndpointEnv(models.baseUrl) });
  client = server.createClient();
});
afterAll(() => models.close());
beforeEach(() => models.setHandler(() => undefined));

const getEndpointFlags = () => ["--model", "openai:test", "--base-url", models.baseUrl, "--api-key-env", "TEST_KEY"];
const countThreads = async () => (await client.threads.search({ limit: 1000 })).length;

describe("generate --server", () => {
  it("generate --server writes the same rows as a local job, leaves no threads, and has nothing left to do when resumed", async () => {
    const file = await writeSeeds(6);
    const [localOutput, serverOutput] = [createFolderPath(), createFolderPath()];
    expect((await runCli(["generate", file, "--output", localOutput])).code).toBe(0);
    const args = ["generate", file, "--output", serverOutput, "--server", server.url];
    expect(await runCli(args)).toMatchObject({ code: 0, stdout: "" });
    const readSortedRows = async (output: string) => (await readJobRows(output)).sort((a, b) => a.seed.index - b.seed.index);
    expect(await readSortedRows(serverOutput)).toEqual(await readSortedRows(localOutput));
    expect(await countThreads()).toBe(0);
    const resumed = await runCli(args);
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).toContain("6 by earlier runs");
    expect(await readJobRows(serverOutput)).toHaveLength(6);
  });

  it("generate --server reports usage and stops at a budget", async () => {
    const output = createFolderPath();
    const args = [
      "generate",
      await writeSeeds(8),
      "--output",
      output,
      "--server",
      server.url,
      "--concurrency",
      "2",
      "--turns",
      "1",
      ...getEndpointFlags(),
    ];
    const first = await runCli([...args, "--max-tokens", "1"]);
    expect(first.code).toBe(3);
    expect(first.stderr).toContain("budget");
    const rowCount = (await readJobRows(output)).length;
    expect(rowCount).toBeGreaterThan(0);
    expect(rowCount).toBeLessThan(8);
    const second = await runCli(args);
    expect(second.code).toBe(0);
    const rows = await readJobRows(output);
    const sumTokens = (name: "inputTokens" | "outputTokens") => rows.reduce((sum, row) => sum + row.usage[name], 0).toLocaleString("en");
    expect(second.stderr).toContain(`8 calls, ${sumTokens("inputTokens")} input and ${sumTokens("outputTokens")} output tokens`);
  });

  it("generate --server uses the settings of an assistant, and flags override them", async () => {
    const { assistant_id } = await client.assistants.create({ graphId: "review_instruct", context: { turns: 2, mode: "no_review", wordLimit: 50 } });
    const output = createFolderPath();
    const run = await runCli([
      "generate",
      await writeSeeds(1),
      "--output",
      output,
      "--server",
      server.url,
      "--assistant",
      assistant_id,
      "--turns",
      "4",
    ]);
    expect(run.code).toBe(0);
    expect((await readJobRows(output))[0]?.turns.map(({ evolution }) => evolution)).toEqual(["seed", "follow_up", "follow_up", "follow_up"]);
    const unknown = await runCli(["generate", await writeSeeds(1), "--output", createFolderPath(), "--server", server.url, "--assistant", "nothing"]);
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.stderr).toContain('no assistant or graph "nothing"');
  });

  it("generate --server continues conversations, and keeps threads with the ids of their rows on request", async () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello." },
      { role: "assistant", content: "Hello!" },
      { role: "user", content: "What is rye?" },
    ];
    const file = await files.write(JSON.stringify([{ messages }, { instruction: "Explain it.", input: "Bread", system: "Be kind." }]), "json");
    const output = createFolderPath();
    expect((await runCli(["generate", file, "--output", output, "--server", server.url, "--turns", "2", "--keep-checkpoints"])).code).toBe(0);
    const rows = (await readJobRows(output)).sort((a, b) => a.seed.index - b.seed.index);
    expect(rows[0]?.messages.slice(0, 4)).toEqual(messages);
    expect(rows[0]?.turns).toHaveLength(2);
    expect(rows[1]?.messages.slice(0, 2)).toEqual([
      { role: "system", content: "Be kind." },
      { role: "user", content: "Explain it.\n\nBread" },
    ]);
    for (const { id, seed } of rows) expect((await client.threads.get(id)).metadata).toMatchObject({ conversation: id, seed_index: seed.index });
  });

  it("generate --server writes failures, and --retry-failed repeats only the failed call", async () => {
    models.setHandler(({ role, body }) =>
      role === "chairman" || !JSON.stringify(body.messages).includes("step 1 ")
        ? undefined
        : role === "candidate" && body.messages.length > 2
          ? { content: "" }
          : undefined,
    );
    const output = createFolderPath();
    const args = ["generate", await writeSeeds(3), "--output", output, "--server", server.url, "--turns", "2", ...getEndpointFlags()];
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
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(3));
  });

  it("generate --server stops at errors that every conversation would meet, and says what to change", async () => {
    models.setHandler(() => ({ status: 401 }));
    const output = createFolderPath();
    const unauthorized = await runCli([
      "generate",
      await writeSeeds(20),
      "--output",
      output,
      "--server",
      server.url,
      "--concurrency",
      "2",
      ...getEndpointFlags(),
    ]);
    expect(unauthorized.code).toBe(3);
    expect(unauthorized.stderr).toContain("TEST_KEY");
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    const otherEndpoint = ["--model", "openai:test", "--base-url", "http://127.0.0.1:9/v1"];
    const forbidden = await runCli(["generate", await writeSeeds(20), "--output", createFolderPath(), "--server", server.url, ...otherEndpoint]);
    expect(forbidden.code).toBe(3);
    expect(forbidden.stderr).toContain("REVIEW_INSTRUCT_ENDPOINTS");
  });

  it("generate --server has at most --concurrency conversations in progress", async () => {
    const output = createFolderPath();
    models.setHandler(() => ({ latencyMs: 20 }));
    const activeCounts: number[] = [];
    const run = startCli([
      "generate",
      await writeSeeds(9),
      "--output",
      output,
      "--server",
      server.url,
      "--concurrency",
      "3",
      "--turns",
      "1",
      "--json-progress",
      ...getEndpointFlags(),
    ]);
    const { code, stderr } = await run.result;
    expect(code).toBe(0);
    for (const line of stderr.trim().split("\n")) {
      const { type, active } = JSON.parse(line);
      if (type === "progress") activeCounts.push(active);
    }
    expect(Math.max(...activeCounts)).toBe(3);
  });

  it("generate --server cancels a run without progress and makes another", async () => {
    const before = models.requests.length;
    models.setHandler(({ index }) => (index === before ? { hang: true } : undefined));
    const args = [
      "generate",
      await writeSeeds(1),
      "--output",
      createFolderPath(),
      "--server",
      server.url,
      "--turns",
      "1",
      "--timeout",
      "3",
      ...getEndpointFlags(),
    ];
    expect((await runCli(args)).code).toBe(0);
    expect(models.requests.slice(before).map(({ abandoned }) => abandoned)).toEqual([true, false]);
  });

  it.each([
    ["a server that is not a URL", ["--server", "localhost"], "http or https", 1],
    ["a server URL with credentials", ["--server", "http://me:secret@127.0.0.1:9"], "LANGGRAPH_API_KEY", 1],
    ["a server that does not respond", ["--server", "http://127.0.0.1:9"], "does not answer", 3],
    ["a local checkpoint store with a server", ["--server", "http://127.0.0.1:9", "--checkpoint", "memory"], "cannot be used with", 1],
    [
      "a trace file with a server",
      ["--server", "http://127.0.0.1:9", "--trace-file", "t.jsonl"],
      "cannot be used with option '--trace-file <file>'",
      1,
    ],
    [
      "a trace sample with a server",
      ["--server", "http://127.0.0.1:9", "--trace-sample", "0.5"],
      "cannot be used with option '--trace-sample <rate>'",
      1,
    ],
  ])("generate rejects %s before it creates the output folder", async (_what, flags, message, exitCode) => {
    const output = createFolderPath();
    const { code, stderr } = await runCli(["generate", await writeSeeds(1), "--output", output, ...flags]);
    expect(code).toBe(exitCode);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("secret@");
    await expect(readJobRows(output)).rejects.toThrow("ENOENT");
  });
});

describe("interrupted jobs", () => {
  it("a job on a server waits for its conversations at the first SIGINT and cancels their runs at the second", async () => {
    const file = await writeSeeds(4);
    const output = createFolderPath();
    let release = () => {};
    const firstResponse = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
    models.setHandler(async ({ body }) => (JSON.stringify(body.messages).includes("step 0 ") ? firstResponse : { hang: true }));
    const before = models.requests.length;
    const args = ["generate", file, "--output", output, "--server", server.url, "--concurrency", "2", "--turns", "1", ...getEndpointFlags()];
    const run = startCli(args);
    await models.waitForRequests(before + 2);
    run.child.kill("SIGINT");
    await run.waitForOutput("stopping");
    release();
    await expect.poll(async () => (await readJobRows(output)).length).toBe(1);
    const [hangingRequest] = models.requests.slice(before).filter(({ answered }) => !answered);
    expect(hangingRequest?.abandoned).toBe(false);
    run.child.kill("SIGINT");
    expect((await run.result).code).toBe(130);
    await models.waitUntilIdle();
    expect(hangingRequest?.abandoned).toBe(true);
    expect(models.requests).toHaveLength(before + 2);

    models.setHandler(() => undefined);
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(4));
  });

  it("a job on a server that was killed resumes its runs and writes each row once", async () => {
    const output = createFolderPath();
    const args = ["generate", await writeSeeds(12), "--output", output, "--server", server.url, "--concurrency", "4", ...getEndpointFlags()];
    models.setHandler(() => ({ latencyMs: 30 }));
    const before = models.requests.length;
    const run = startCli(args);
    await models.waitForRequests(before + 40);
    run.child.kill("SIGKILL");
    await run.result;
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(12));
    // Only the superstep in progress of each conversation is repeated: at most a panel of three.
    expect(models.requests.length - before).toBeLessThanOrEqual(12 * 11 + 4 * 3);
  });
});
