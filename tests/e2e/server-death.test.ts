import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { conversationId, settingsFingerprint } from "../../src/generation/fingerprint.js";
import { Settings } from "../../src/state/settings.js";
import { runCli, startCli } from "../support/cli.js";
import { devServers, freePort } from "../support/dev-server.js";
import { jobFiles, readFileRows } from "../support/job-files.js";
import { allowedEndpoint } from "../support/openai-env.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, range, readFailures } from "../support/rows.js";

const files = jobFiles();
const { freshFolder } = files;
const startDevServer = devServers();
const seeds = (count: number) =>
  files.write(Array.from({ length: count }, (_, index) => JSON.stringify({ instruction: `Explain step ${index} of making bread.` })).join("\n"));

describe("a server that dies in mid-job", () => {
  it("is waited for: 100 rows, each once", async () => {
    const folder = files.path("dying");
    const port = await freePort();
    const ownModels = await startOpenAiServer(() => ({ latencyMs: 10 }));
    const start = () => startDevServer({ folder, port, env: allowedEndpoint(ownModels.baseUrl) });
    const output = freshFolder();
    let dying = await start();
    const endpoint = ["--model", "openai:test", "--base-url", ownModels.baseUrl, "--api-key-env", "TEST_KEY", "--turns", "2"];
    const run = startCli(["generate", await seeds(100), "--output", output, "--server", dying.url, "--concurrency", "16", ...endpoint]);
    for (const calls of [120, 360]) {
      await ownModels.arrived(calls);
      await dying.kill();
      await run.said("does not answer");
      dying = await start();
    }
    const { code, stderr } = await run.result;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const rows = await readFileRows(output);
    expect(getSeedIndexes(rows)).toEqual(range(100));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(100);
    for (const { turns, messages } of rows) {
      expect(turns.map(({ turn }) => turn)).toEqual([1, 2]);
      expect(messages).toHaveLength(4);
    }
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    expect(await dying.client().threads.search({ limit: 1000 })).toEqual([]);
    await ownModels.close();
  });

  it("and comes back with threads that stay busy for ever gets new ones, which are found again", async () => {
    const folder = files.path("busy");
    const port = await freePort();
    const ownModels = await startOpenAiServer(({ role }) => (role === "reviewer" ? { hang: true } : undefined));
    const start = () => startDevServer({ folder, port, env: allowedEndpoint(ownModels.baseUrl) });
    let busy = await start();
    const context = { model: "openai:test", baseUrl: ownModels.baseUrl, apiKeyEnv: "TEST_KEY", turns: 2 };
    const seed = { instruction: "Explain bread." };
    const id = conversationId(settingsFingerprint(Settings.parse(context)), 0, seed);
    await busy.client().threads.create({ threadId: id });
    await busy.client().runs.create(id, "review_instruct", { input: seed, context });
    await ownModels.arrived(4);
    // The server writes its state down once nothing moves for a few seconds, and believes it after its restart.
    await expect.poll(() => runsOnDisk(folder), { timeout: 60_000 }).toEqual(expect.arrayContaining(["running", "busy"]));
    await busy.kill();
    ownModels.setHandler(() => undefined);
    busy = await start();

    const output = freshFolder();
    const endpoint = ["--model", context.model, "--base-url", context.baseUrl, "--api-key-env", "TEST_KEY", "--turns", "2"];
    const args = ["generate", await files.write(JSON.stringify(seed)), "--output", output, "--server", busy.url, ...endpoint];
    const run = await runCli([...args, "--keep-checkpoints"]);
    expect(run).toMatchObject({ code: 0 });
    expect(await readFileRows(output)).toMatchObject([{ id, turns: [{ turn: 1 }, { turn: 2 }] }]);
    const threads = await busy.client().threads.search({ metadata: { conversation: id } });
    expect(threads.map(({ status, metadata }) => [status, metadata?.["replaced"] ?? false])).toEqual([["idle", false]]);
    expect(await busy.client().threads.get(id)).toMatchObject({ status: "busy", metadata: { replaced: true } });

    // A row that was lost with its machine: the finished conversation is still found, and nothing is paid again.
    const paid = ownModels.requests.length;
    await rm(output, { recursive: true });
    expect(await runCli(args)).toMatchObject({ code: 0 });
    expect(await readFileRows(output)).toHaveLength(1);
    expect(ownModels.requests).toHaveLength(paid);
    expect(await busy.client().threads.search({ limit: 1000 })).toEqual([]);
    await ownModels.close();
  });

  it("and stays away stops the job, resumably, with words that say so", async () => {
    const folder = files.path("gone");
    const port = await freePort();
    const ownModels = await startOpenAiServer(() => ({ latencyMs: 10 }));
    const start = () => startDevServer({ folder, port, env: allowedEndpoint(ownModels.baseUrl) });
    const output = freshFolder();
    const gone = await start();
    const endpoint = ["--model", "openai:test", "--base-url", ownModels.baseUrl, "--api-key-env", "TEST_KEY", "--turns", "2"];
    const args = ["generate", await seeds(20), "--output", output, "--server", gone.url, "--concurrency", "4", "--give-up-after", "3", ...endpoint];
    const run = startCli(args);
    await ownModels.arrived(30);
    await gone.kill();
    const { code, stderr } = await run.result;
    expect(code).toBe(3);
    expect(stderr).toContain(`the LangGraph server ${gone.url} does not answer`);
    expect(stderr).toContain("The same command continues");
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    const done = (await readFileRows(output)).length;
    expect(done).toBeLessThan(20);

    await start();
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readFileRows(output))).toEqual(range(20));
    await ownModels.close();
  });
});

/** Statuses of the runs that the dev server has written to its file. */
async function runsOnDisk(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, ".langgraph_api/.langgraphjs_ops.json"), "utf8").catch(() => "");
  return [...text.matchAll(/"status":"(\w+)"/g)].map(([, status = ""]) => status);
}
