import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Postgres, startPostgres } from "../support/postgres.js";
import { getSeedIndexes, range } from "../support/rows.js";
import { soak } from "../support/soak.js";
import { temporaryFiles } from "../support/temporary-files.js";

const files = temporaryFiles();
const conversations = 300;
const kills = 3;
const reviewers = 3;
let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

// Most of it is waiting, so both may wait together.
describe.concurrent("a bad day of the endpoint and three kills", () => {
  it.each([
    { store: "an SQLite file", seed: 1, concurrency: 16, processes: () => [[]] },
    {
      store: "PostgreSQL, and two processes",
      seed: 2,
      concurrency: 8,
      processes: () => ["1/2", "2/2"].map((shard) => ["--checkpoint", postgres.url, "--shard", shard]),
    },
  ])(
    "lose no row and re-pay no answer, with $store",
    async ({ seed, concurrency, processes }) => {
      const { results, rows, failures, repaid } = await soak({ files, conversations, concurrency, processes: processes(), kills, seed });
      expect(failures).toEqual([]);
      for (const { code, stderr } of results) expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(getSeedIndexes(rows)).toEqual(range(conversations));
      expect(new Set(rows.map((row) => row.id)).size).toBe(conversations);
      expect(rows.filter((row) => row.turns.length !== 3 || row.earlyStop)).toEqual([]);
      // At a kill each conversation under way has at most one superstep in flight: a candidate, a chairman, or the panel.
      expect(repaid.inexcusable).toEqual([]);
      expect(repaid.all.length).toBeLessThanOrEqual(kills * results.length * concurrency * reviewers);
    },
    1_200_000,
  );
});
