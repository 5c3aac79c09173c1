import { join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { openCheckpointer } from "../../src/checkpoints/open-checkpointer.js";
import { repaid } from "../support/chaos.js";
import { startCli } from "../support/cli.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { type Postgres, startPostgres } from "../support/postgres.js";
import { getSeedIndexes, range, readRows } from "../support/rows.js";
import { temporaryFiles } from "../support/temporary-files.js";

const files = temporaryFiles();
let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

const concurrency = 8;
const seeds = (count: number) =>
  files.write(
    range(count)
      .map((index) => JSON.stringify({ instruction: `How is cake ${index} made?` }))
      .join("\n"),
  );

it("is set up once by processes that start together", async () => {
  const opened = await Promise.all(range(8).map(() => openCheckpointer(postgres.url)));
  for (const { close } of opened) await close();
  expect(opened).toHaveLength(8);
});

it("stops cleanly when the database goes away, says which, and finishes later", async () => {
  const server = await startOpenAiServer(() => ({ latencyMs: 20 }));
  const output = files.path("lost");
  const args = [
    "generate",
    await seeds(40),
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
  expect(getSeedIndexes(await readRows(join(output, "conversations.jsonl")))).toEqual(range(40));
  expect(repaid(server, (request) => request.answered).length).toBeLessThanOrEqual(concurrency * 3);
  await server.close();
});
