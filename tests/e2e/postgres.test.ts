import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openCheckpointer } from "../../src/checkpoints/open-checkpointer.js";
import { repaid } from "../support/chaos.js";
import { startCli } from "../support/cli.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { type Postgres, isPostgresMissing, startPostgres } from "../support/postgres.js";
import { getSeedIndexes, range, readRows } from "../support/rows.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const concurrency = 8;

describe.skipIf(isPostgresMissing())("PostgreSQL as checkpoint store", () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.remove());

  it("is set up once by processes that start together", async () => {
    const handles = await Promise.all(range(8).map(() => openCheckpointer(postgres.url)));
    for (const { close } of handles) await close();
    expect(handles).toHaveLength(8);
  });

  it("stops the job cleanly when the database stops, names it, and lets the job finish later", async () => {
    const server = await startOpenAiServer(() => ({ latencyMs: 20 }));
    const output = files.path("lost");
    const seeds = await files.write(
      range(40)
        .map((index) => JSON.stringify({ instruction: `How is cake ${index} made?` }))
        .join("\n"),
    );
    const endpoint = ["--model", "openai:test", "--base-url", server.baseUrl];
    const args = ["generate", seeds, "--output", output, "--checkpoint", postgres.url, ...endpoint];
    const first = startCli([...args, "--concurrency", `${concurrency}`]);
    await server.waitForRequests(120);
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
});
