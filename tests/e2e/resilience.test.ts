import { execFile } from "node:child_process";
import { mkdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { repaid } from "../support/chaos.js";
import { runCli, startCli } from "../support/cli.js";
import { getGenerateArgs, createJobFiles, readJobRows } from "../support/job-files.js";
import { type FailedResponse, type ChatResponse, startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, range, readFailures, readRows } from "../support/rows.js";
import { isSqliteMissing } from "../support/sqlite.js";

const files = createJobFiles();
const { createFolderPath, writeSeeds } = files;

const withoutSqlite = await isSqliteMissing();

describe("stopping", () => {
  it.skipIf(withoutSqlite)("finishes calls in flight at the first signal, and a resume pays for nothing twice", async () => {
    const server = await startOpenAiServer(() => ({ latencyMs: 30 }));
    const output = createFolderPath();
    const args = getGenerateArgs(server, await writeSeeds(12), output);
    const run = startCli([...args, "--concurrency", "4"]);
    await server.waitForRequests(30);
    run.child.kill("SIGINT");
    const { code, stderr } = await run.result;
    expect(code).toBe(130);
    expect(stderr).toContain("waiting for the calls in flight");
    expect(stderr).toContain("same command continues");
    expect(server.requests.every((request) => request.answered)).toBe(true);
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(12));
    expect(server.requests).toHaveLength(12 * 11);
    await server.close();
  });

  it.skipIf(withoutSqlite)("aborts calls in flight at the second signal", async () => {
    const server = await startOpenAiServer(({ index }): ChatResponse | FailedResponse => (index < 6 ? {} : { hang: true }));
    const output = createFolderPath();
    const args = getGenerateArgs(server, await writeSeeds(3), output);
    const run = startCli(args);
    await server.waitForRequests(8);
    run.child.kill("SIGTERM");
    await run.waitForOutput("waiting for the calls in flight");
    run.child.kill("SIGTERM");
    expect((await run.result).code).toBe(130);
    await server.waitUntilIdle();
    server.setHandler(() => undefined);
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(3));
    expect(repaid(server, (request) => request.answered)).toEqual([]);
    await server.close();
  });
});

describe("stopping while the endpoint is down", () => {
  it.each([
    ["SIGINT", { status: 503 }, "is down"],
    ["SIGTERM", { reset: true }, "is down"],
    ["SIGINT", { status: 429, headers: { "retry-after": "300" } }, null],
  ] as const)("ends calls that wait at the first %s, after %j, and continues later", async (signal, fault, said) => {
    const server = await startOpenAiServer(({ index }): ChatResponse | FailedResponse => (index < 6 ? {} : fault));
    const output = createFolderPath();
    const args = getGenerateArgs(server, await writeSeeds(12), output);
    const run = startCli(args);
    if (said === null) await server.waitForRequests(12);
    else await run.waitForOutput(said);
    run.child.kill(signal);
    const { code, stderr } = await run.result;
    expect({ code, stderr }).toMatchObject({ code: 130 });
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    server.setHandler(() => undefined);
    expect((await runCli(args)).code).toBe(0);
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(12));
    await server.close();
  });
});

describe("prompts that an endpoint cannot take", () => {
  const isPoisoned = (text: string) => /Why is (?:0|1|5) a number/.test(text);

  it.each([
    ["a 500", { status: 500, body: { error: { message: "tokenizer crashed" } } }, 1],
    ["a 500", { status: 500, body: { error: { message: "tokenizer crashed" } } }, 4],
    ["a 403", { status: 403, body: { error: { message: "blocked by policy 17" } } }, 4],
    ["a 403 at first", { status: 403, body: { error: { message: "your input was flagged" } } }, 1],
  ] as const)("fail their conversations and no other: %s, %j, %i at a time", async (_name, fault, concurrency) => {
    const server = await startOpenAiServer(({ body }) => (isPoisoned(JSON.stringify(body)) ? fault : undefined));
    const output = createFolderPath();
    const args = [...getGenerateArgs(server, await writeSeeds(8), output), "--turns", "1", "--concurrency", String(concurrency)];
    const { code, stderr } = await runCli(args);
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(getSeedIndexes(await readJobRows(output))).toEqual([2, 3, 4, 6, 7]);
    expect(await readFailures(join(output, "failures.jsonl"))).toHaveLength(3);
    await server.close();
  });
});

describe("files after a kill", () => {
  it("cuts off a partial last line and finishes that conversation again", async () => {
    const output = createFolderPath();
    const args = ["generate", await writeSeeds(3), "--output", output];
    await runCli(args);
    const file = join(output, "conversations.jsonl");
    await truncate(file, (await stat(file)).size - 20);
    expect(await runCli(args)).toMatchObject({ code: 0 });
    expect(getSeedIndexes(await readRows(file))).toEqual(range(3));
  });

  it("refuses a file damaged in the middle and does not change it", async () => {
    const output = createFolderPath();
    const args = ["generate", await writeSeeds(3), "--output", output];
    await runCli(args);
    const file = join(output, "conversations.jsonl");
    const damaged = (await readFile(file, "utf8")).replace("\n", "x\n");
    await writeFile(file, damaged);
    const { code, stderr } = await runCli(args);
    expect(code).toBe(1);
    expect(stderr).toContain("line 1");
    expect(await readFile(file, "utf8")).toBe(damaged);
  });
});

/** Only root may mount a file system. */
const isRoot = process.getuid?.() === 0;

describe("a disk", () => {
  const mount = (...args: string[]) => promisify(execFile)("mount", args);

  /** Runs a test in a folder that is a file system of its own. */
  async function onDisk(size: string, work: (output: string) => Promise<void>): Promise<void> {
    const output = createFolderPath();
    await mkdir(output);
    await mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs", output);
    try {
      await work(output);
    } finally {
      await promisify(execFile)("umount", [output]);
    }
  }

  it.skipIf(!isRoot)("stops at a full disk, keeps finished rows, and finishes once there is room", () =>
    onDisk("640k", async (output) => {
      const args = ["generate", await writeSeeds(200), "--output", output, "--checkpoint", "memory"];
      const { code, stderr } = await runCli(args);
      expect({ code, stderr }).toMatchObject({ code: 3 });
      expect(stderr).toContain("make room");
      const before = (await readJobRows(output)).length;
      expect(before).toBeGreaterThan(0);
      await mount("-o", "remount,size=64m", output);
      expect(await runCli(args)).toMatchObject({ code: 0 });
      expect(getSeedIndexes(await readJobRows(output))).toEqual(range(200));
    }),
  );

  it.skipIf(!isRoot)("says what to do when the folder became read-only, and continues once it is writable", () =>
    onDisk("64m", async (output) => {
      const server = await startOpenAiServer();
      const args = getGenerateArgs(server, await writeSeeds(6), output);
      const run = startCli([...args, "--concurrency", "2"]);
      await server.waitForRequests(30);
      run.child.kill("SIGKILL");
      await run.result;
      const before = (await readJobRows(output)).length;
      await mount("-o", "remount,ro", output);
      const { code, stderr } = await runCli(args);
      expect({ code, stderr }).toMatchObject({ code: 3 });
      expect(stderr).toContain(output);
      expect(stderr).toContain("fix the permissions");
      await mount("-o", "remount,rw", output);
      expect(await readJobRows(output)).toHaveLength(before);
      expect(await runCli(args)).toMatchObject({ code: 0 });
      expect(getSeedIndexes(await readJobRows(output))).toEqual(range(6));
      await server.close();
    }),
  );
});

describe("limits", () => {
  it.skipIf(withoutSqlite)("never exceeds the token cap by the server's count, over all resumes", async () => {
    let counted = 0;
    let most = 0;
    const server = await startOpenAiServer(() => {
      const usage = { prompt_tokens: 400, completion_tokens: 90 };
      counted += 490;
      most = Math.max(most, counted);
      return { usage };
    });
    const output = createFolderPath();
    const config = await files.write("candidate: { maxOutputTokens: 300 }\nchairman: { maxOutputTokens: 300 }\n", "yaml");
    const args = [...getGenerateArgs(server, await writeSeeds(10), output), "--config", config];
    const cap = 40_000;
    const first = await runCli([...args, "--max-tokens", `${cap}`]);
    expect(first.code).toBe(3);
    expect(most).toBeLessThanOrEqual(cap);
    expect(counted).toBeGreaterThan(cap / 2);
    expect((await runCli([...args, "--max-tokens", `${cap}`])).code).toBe(3);
    expect(most).toBeLessThanOrEqual(cap);
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    expect((await runCli([...args, "--max-tokens", "1000000"])).code).toBe(0);
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(10));
    expect(repaid(server, (request) => request.answered)).toEqual([]);
    await server.close();
  });

  it("refuses a dollar cap without a price, and counts dollars with one", async () => {
    const server = await startOpenAiServer();
    const file = await writeSeeds(1);
    const refused = await runCli([...getGenerateArgs(server, file, createFolderPath()), "--max-usd", "1"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("openai:test");
    const prices = await files.write('prices: { "openai:test": { inputUsdPerMillion: 1, outputUsdPerMillion: 2 } }', "yaml");
    const priced = await runCli([...getGenerateArgs(server, file, createFolderPath()), "--max-usd", "1", "--config", prices]);
    expect(priced).toMatchObject({ code: 0 });
    expect(priced.stderr).toMatch(/11 calls, [\d,]+ input and [\d,]+ output tokens, \$0\.\d+/);
    await server.close();
  });

  it("sends nothing while the endpoint is down, says so, and continues when it is back", async () => {
    let down = false;
    const server = await startOpenAiServer((): ChatResponse | FailedResponse =>
      down ? { status: 503, body: { error: { message: "maintenance" } } } : {},
    );
    const output = createFolderPath();
    const run = startCli([...getGenerateArgs(server, await writeSeeds(8), output), "--concurrency", "4"]);
    await server.waitForRequests(20);
    down = true;
    await run.waitForOutput("is down");
    down = false;
    const { code, stderr } = await run.result;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain("answers again");
    expect(await readJobRows(output)).toHaveLength(8);
    await server.close();
  });

  it("gives up on an endpoint that stays down, and can be resumed", async () => {
    const server = await startOpenAiServer(({ index }): ChatResponse | FailedResponse => (index < 15 ? {} : { reset: true }));
    const output = createFolderPath();
    const args = getGenerateArgs(server, await writeSeeds(4), output);
    const { code, stderr } = await runCli([...args, "--give-up-after", "1"]);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    server.setHandler(() => undefined);
    expect(await runCli(args)).toMatchObject({ code: 0 });
    expect(getSeedIndexes(await readJobRows(output))).toEqual(range(4));
    await server.close();
  });
});
