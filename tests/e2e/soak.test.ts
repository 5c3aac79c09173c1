import { setTimeout as delay } from "node:timers/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import { badDay, repaid, seededRandom } from "../support/chaos.js";
import { type CliRun, startCli } from "../support/cli.js";
import { type LoggedRequest, startOpenAiServer } from "../support/openai-server.js";
import { indices, readFailures, readRows } from "../support/rows.js";
import { temporaryFiles } from "../support/temporary-files.js";

const files = temporaryFiles();
const conversations = 300;
const concurrency = 16;
const reviewers = 3;

it("loses no row and re-pays no answer over a bad day of the endpoint and three kills", async () => {
  const random = seededRandom(20251);
  const faulty = new WeakSet<object>();
  const misbehave = badDay(random);
  const server = await startOpenAiServer(async (request) => {
    const bad = misbehave(request);
    if (bad) faulty.add(request);
    return bad ?? { latencyMs: 5 };
  });
  const seeds = await files.write(
    Array.from({ length: conversations }, (_, index) => JSON.stringify({ instruction: `How is thing ${index} made?` })).join("\n"),
  );
  const output = files.path("soak");
  const start = () =>
    startCli([
      "generate",
      seeds,
      "--output",
      output,
      "--model",
      "openai:test",
      "--base-url",
      server.baseUrl,
      "--concurrency",
      `${concurrency}`,
      "--timeout",
      "3",
      "--turns",
      "2",
      "--quiet",
    ]);

  let killedAt = 0;
  for (let kills = 0; kills < 3; kills++) {
    const run: CliRun = start();
    // At a random moment, but not before something new was done.
    const goal = killedAt + 150 + Math.floor(random() * 350);
    while (server.requests.length < goal) await delay(5);
    run.child.kill("SIGKILL");
    expect((await run.result).code).toBeNull();
    killedAt = server.requests.length;
  }
  const { code, stderr } = await start().result;
  expect({ code, stderr }).toMatchObject({ code: 0 });

  const rows = await readRows(join(output, "conversations.jsonl"));
  expect(indices(rows)).toEqual(Array.from({ length: conversations }, (_, index) => index));
  expect(new Set(rows.map((row) => row.id)).size).toBe(conversations);
  for (const row of rows) expect(row.turns).toHaveLength(2);
  expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);

  // At a kill each conversation under way has at most one superstep in flight: a candidate, a chairman, or the panel.
  const again = repaid(server, (request: LoggedRequest) => request.answered && !faulty.has(request));
  expect(again.length).toBeLessThanOrEqual(3 * concurrency * reviewers);
  await server.close();
}, 1_200_000);
