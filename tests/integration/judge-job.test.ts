import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type FailedResponse, type OpenAiServer, type ChatResponse, startOpenAiServer } from "../support/openai-server.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const program = fileURLToPath(new URL("../support/judge-job.ts", import.meta.url));
const files = createTemporaryFiles();
let folders = 0;
let server: OpenAiServer;

const rating: ChatResponse = { content: '{"rating": 7}' };
beforeEach(async () => {
  server = await startOpenAiServer(() => rating);
});
afterEach(() => server.close());

function startJudge(output: string, ...more: string[]): ChildProcess {
  const args = ["--import", "tsx", program, output, server.baseUrl, ...more];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

async function runJudge(output: string, ...more: string[]): Promise<unknown> {
  const child = startJudge(output, ...more);
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await once(child, "close");
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Returns how often the server saw each text of the set, in total and in requests that it answered. */
function countPrompts() {
  const seen = new Map<string, { all: number; answered: number }>();
  for (const { body, answered } of server.requests) {
    const text = /Text number \d+/.exec(JSON.stringify(body.messages))?.[0] ?? "";
    const count = seen.get(text) ?? { all: 0, answered: 0 };
    seen.set(text, { all: count.all + 1, answered: count.answered + (answered ? 1 : 0) });
  }
  return seen;
}

const readRows = async (output: string) =>
  (await readFile(join(output, "judgements.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));

describe("a judge as a job of its own", () => {
  it("asks each prompt once over a kill with -9 and a resume, but for those in flight", async () => {
    server.setHandler(({ index }): ChatResponse | FailedResponse => (index < 4 ? rating : { hang: true }));
    const output = files.path(`judge-${++folders}`);
    const killed = startJudge(output);
    // Three requests hang at once, so the four before them have their rows.
    await server.waitForRequests(7);
    killed.kill("SIGKILL");
    await once(killed, "close");
    await server.waitUntilIdle();
    server.setHandler(() => rating);
    expect(await runJudge(output)).toMatchObject({ failed: 0, stopped: null });
    const rows = await readRows(output);
    expect(rows).toHaveLength(10);
    const counts = [...countPrompts().values()];
    expect(counts).toHaveLength(10);
    expect(counts.map(({ answered }) => answered)).toEqual(Array(10).fill(1));
    expect(counts.filter(({ all }) => all > 1).length).toBeLessThanOrEqual(3);
    const paid = server.requests.length;
    expect(await runJudge(output)).toMatchObject({ finished: 0, resumed: 10 });
    expect(server.requests).toHaveLength(paid);
  });

  it("retries, repairs and respects Retry-After as the loop does", async () => {
    server.setHandler(({ index }): ChatResponse | FailedResponse => {
      if (index === 0) return { status: 429, headers: { "retry-after-ms": "50" }, body: { error: { message: "slow down" } } };
      if (index === 1) return { status: 500, body: { error: { message: "oops" } } };
      return index === 2 ? { content: "a seven" } : rating;
    });
    expect(await runJudge(files.path(`judge-${++folders}`))).toMatchObject({ finished: 10, failed: 0 });
    expect(server.requests).toHaveLength(13);
  });

  it("answers from the cache when its rows are gone", async () => {
    const output = files.path(`judge-${++folders}`);
    await runJudge(output);
    await rm(join(output, "judgements.jsonl"));
    expect(await runJudge(output)).toMatchObject({ finished: 10 });
    expect(server.requests).toHaveLength(10);
  });

  it("stops within its budget, and continues with a higher one", async () => {
    const output = files.path(`judge-${++folders}`);
    expect(await runJudge(output, "10", "500")).toMatchObject({ failed: 0, stopped: expect.stringContaining("the budget is used up") });
    const paid = server.requests.length;
    expect(paid).toBeLessThan(10);
    expect(await runJudge(output, "10", "100000")).toMatchObject({ finished: 10 - paid, resumed: paid, stopped: null });
    expect(server.requests).toHaveLength(10);
  });
});
