import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { afterAll, beforeAll, expect, it } from "vitest";

import { badDay, repaid, seededRandom } from "../support/chaos.js";
import { startCli } from "../support/cli.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { type Postgres, startPostgres } from "../support/postgres.js";
import { indices, readRows } from "../support/rows.js";
import { temporaryFiles } from "../support/temporary-files.js";

const files = temporaryFiles();
let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

const concurrency = 8;
const range = (count: number) => Array.from({ length: count }, (_, index) => index);
const seeds = (count: number, topic: string) =>
  files.write(
    range(count)
      .map((index) => JSON.stringify({ instruction: `How is ${topic} ${index} made?` }))
      .join("\n"),
  );

it("keeps two shards of one job apart, over kills and a bad endpoint", async () => {
  const random = seededRandom(7);
  const faulty = new WeakSet<object>();
  const misbehave = badDay(random);
  const server = await startOpenAiServer((request) => {
    const bad = misbehave(request);
    if (bad) faulty.add(request);
    return bad ?? { latencyMs: 5 };
  });
  const file = await seeds(60, "thing");
  const output = files.path("shards");
  const start = (shard: string) =>
    startCli([
      "generate",
      file,
      "--output",
      output,
      "--checkpoint",
      postgres.url,
      "--shard",
      shard,
      "--model",
      "openai:test",
      "--base-url",
      server.baseUrl,
      "--concurrency",
      `${concurrency}`,
      "--timeout",
      "3",
      "--quiet",
    ]);
  const killed = [start("1/2"), start("2/2")];
  while (server.requests.length < 250) await delay(5);
  for (const { child } of killed) child.kill("SIGKILL");
  for (const { result } of killed) await result;
  const results = await Promise.all([start("1/2").result, start("2/2").result]);
  for (const { code, stderr } of results) expect({ code, stderr }).toMatchObject({ code: 0 });
  const names = (await readdir(output)).filter((name) => name.startsWith("conversations"));
  expect(names.sort()).toEqual(["conversations.1-of-2.jsonl", "conversations.2-of-2.jsonl"]);
  const rows = (await Promise.all(names.map((name) => readRows(join(output, name))))).flat();
  expect(indices(rows)).toEqual(range(60));
  expect(repaid(server, (request) => request.answered && !faulty.has(request)).length).toBeLessThanOrEqual(2 * concurrency * 3);
  await server.close();
});

it("stops cleanly when the database goes away, says which, and finishes later", async () => {
  const server = await startOpenAiServer(() => ({ latencyMs: 20 }));
  const output = files.path("lost");
  const args = [
    "generate",
    await seeds(40, "cake"),
    "--output",
    output,
    "--checkpoint",
    postgres.url,
    "--model",
    "openai:test",
    "--base-url",
    server.baseUrl,
  ];
  const first = startCli([...args, "--concurrency", `${concurrency}`]);
  await server.arrived(120);
  await postgres.stop();
  const { code, stderr } = await first.result;
  expect({ code, stderr }).toMatchObject({ code: 3 });
  expect(stderr).toContain("checkpoint store postgres://127.0.0.1");
  expect(stderr).toContain("run the same command again");
  await postgres.start();
  const second = await startCli(args).result;
  expect(second).toMatchObject({ code: 0 });
  expect(indices(await readRows(join(output, "conversations.jsonl")))).toEqual(range(40));
  expect(repaid(server, (request) => request.answered).length).toBeLessThanOrEqual(concurrency * 3);
  await server.close();
});
