import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { computeConversationId, computeSettingsFingerprint } from "../../src/generation/fingerprint.js";
import { Settings } from "../../src/state/settings.js";
import { runCli, startCli } from "../support/cli.js";
import { getFreePort, useDevServers } from "../support/dev-server.js";
import { createJobFiles, readJobRows } from "../support/job-files.js";
import { createEndpointEnv } from "../support/openai-env.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, range, readFailures } from "../support/rows.js";

const files = createJobFiles();
const { createFolderPath } = files;
const startDevServer = useDevServers();
const writeSeeds = (count: number) =>
  files.write(Array.from({ length: count }, (_, index) => JSON.stringify({ instruction: `Explain step ${index} of making bread.` })).join("\n"));

describe("a server that is killed during a job", () => {
  it("a job waits for a killed server and writes each of 100 rows once", async () => {
    const folder = files.path("killed");
    const port = await getFreePort();
    const models = await startOpenAiServer(() => ({ latencyMs: 10 }));
    const start = () => startDevServer({ folder, port, env: createEndpointEnv(models.baseUrl) });
    const output = createFolderPath();
    let server = await start();
    const endpoint = ["--model", "openai:test", "--base-url", models.baseUrl, "--api-key-env", "TEST_KEY", "--turns", "2"];
    const run = startCli(["generate", await writeSeeds(100), "--output", output, "--server", server.url, "--concurrency", "16", ...endpoint]);
    for (const calls of [120, 360]) {
      await models.waitForRequests(calls);
      await server.kill();
      await run.waitForOutput("does not answer");
      server = await start();
    }
    const { code, stderr } = await run.result;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const rows = await readJobRows(output);
    expect(getSeedIndexes(rows)).toEqual(range(100));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(100);
    for (const { turns, messages } of rows) {
      expect(turns.map(({ turn }) => turn)).toEqual([1, 2]);
      expect(messages).toHaveLength(4);
    }
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    expect(await server.createClient().threads.search({ limit: 1000 })).toEqual([]);
    await models.close();
  });

  it("a job replaces threads that stay busy after a restart of the server, and finds the new ones again", async () => {
    const folder = files.path("busy");
    const port = await getFreePort();
    const models = await startOpenAiServer(({ role }) => (role === "reviewer" ? { hang: true } : undefined));
    const start = () => startDevServer({ folder, port, env: createEndpointEnv(models.baseUrl) });
    let server = await start();
    const context = { model: "openai:test", baseUrl: models.baseUrl, apiKeyEnv: "TEST_KEY", turns: 2 };
    const seed = { instruction: "Explain bread." };
    const id = computeConversationId(computeSettingsFingerprint(Settings.parse(context)), 0, seed);
    await server.createClient().threads.create({ threadId: id });
    await server.createClient().runs.create(id, "review_instruct", { input: seed, context });
    await models.waitForRequests(4);
    // The server saves its state after a few idle seconds, and restores it when it restarts.
    await expect.poll(() => readSavedStatuses(folder), { timeout: 60_000 }).toEqual(expect.arrayContaining(["running", "busy"]));
    await server.kill();
    models.setHandler(() => undefined);
    server = await start();

    const output = createFolderPath();
    const endpoint = ["--model", context.model, "--base-url", context.baseUrl, "--api-key-env", "TEST_KEY", "--turns", "2"];
    const args = ["generate", await files.write(JSON.stringify(seed)), "--output", output, "--server", server.url, ...endpoint];
    const run = await runCli([...args, "--keep-checkpoints"]);
    expect(run).toMatchObject({ code: 0 });
    expect(await readJobRows(output)).toMatchObject([{ id, turns: [{ turn: 1 }, { turn: 2 }] }]);
    const threads = await server.createClient().threads.search({ metadata: { conversation: id } });
    expect(threads.map(({ status, metadata }) => [status, metadata?.["superseded"] ?? false])).toEqual([["idle", false]]);
    expect(await server.createClient().threads.get(id)).toMatchObject({ status: "busy", metadata: { superseded: true } });

    // Simulates a lost machine: the finished conversation is still on the server, so no call is made again.
    const requestCount = models.requests.length;
    await rm(output, { recursive: true });
    expect(await runCli(args)).toMatchObject({ code: 0 });
    expect(await readJobRows(output)).toHaveLength(1);
    expect(models.requests).toHaveLength(requestCount);
    expect(await server.createClient().threads.search({ limit: 1000 })).toEqual([]);
    await models.close();
  });

  it("a job stops and can be resumed when the server does not restart", async () => {
    const folder = files.path("gone");
    const port = await getFreePort();
    const models = await startOpenAiServer(() => ({ latencyMs: 10 }));
    const start = () => startDevServer({ folder, port, env: createEndpointEnv(models.baseUrl) });
    const output = createFolderPath();
    const server = await start();
    const endpoint = ["--model", "openai:test", "--base-url", models.baseUrl, "--api-key-env", "TEST_KEY", "--turns", "2"];
    const args = [
      "generate",
      await writeSeeds(20),
      "--output",
      output,
      "--server",
      server.url,
      "--concurrency",
      "4",
      "--give-up-after",
      "3",
      ...endpoint,
    ];
    const run = startCli(args);
    await models.waitForRequests(30);
    await server.kill();
    const { code, stderr } = await run.result;
    expect(code).toBe(3);
    expect(stderr).toContain(`the LangGraph server ${server.url} does not answer`);
    expect(stderr).toContain("The same command continues");
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    const rowCount = (await readJobRows(output)).length;
    expect(rowCount).toBeLessThan(20);

    await start();
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(20));
    await models.close();
  });
});

/** Returns all statuses in the state file of the dev server. */
async function readSavedStatuses(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, ".langgraph_api/.langgraphjs_ops.json"), "utf8").catch(() => "");
  return [...text.matchAll(/"status":"(\w+)"/g)].map(([, status = ""]) => status);
}
