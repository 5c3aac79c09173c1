import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Postgres, isPostgresMissing, startPostgres } from "../support/postgres.js";
import { getSeedIndexes, range } from "../support/rows.js";
import { soak } from "../support/soak.js";
import { isSqliteMissing } from "../support/sqlite.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const conversations = 300;
const kills = 3;
const reviewers = 3;

const stores = [
  { store: "an SQLite file", seed: 1, concurrency: 16, getProcesses: () => [[]], isMissing: await isSqliteMissing() },
  {
    store: "PostgreSQL and two processes",
    seed: 2,
    concurrency: 8,
    getProcesses: (url: string) => ["1/2", "2/2"].map((shard) => ["--checkpoint", url, "--shard", shard]),
    isMissing: isPostgresMissing(),
  },
];

// Most of the time is spent waiting, so both run at once.
describe.concurrent("a job against a failing endpoint", () => {
  let postgres: Postgres | null = null;
  beforeAll(async () => {
    if (stores.some(({ store, isMissing }) => store.startsWith("PostgreSQL") && !isMissing)) postgres = await startPostgres();
  });
  afterAll(() => postgres?.remove());

  for (const { store, seed, concurrency, getProcesses, isMissing } of stores) {
    it.skipIf(isMissing)(
      `loses no row and pays for no answer twice over three kills, with ${store}`,
      async () => {
        const processes = getProcesses(postgres?.url ?? "");
        const { results, rows, failures, repaid } = await soak({ files, conversations, concurrency, processes, kills, seed });
        expect(failures).toEqual([]);
        for (const { code, stderr } of results) expect({ code, stderr }).toMatchObject({ code: 0 });
        expect(getSeedIndexes(rows)).toEqual(range(conversations));
        expect(new Set(rows.map((row) => row.id)).size).toBe(conversations);
        expect(rows.filter((row) => row.turns.length !== 3 || row.earlyStop)).toEqual([]);
        // At a kill, each conversation in progress has at most one superstep in flight: a candidate, a chairman, or the panel.
        expect(repaid.inexcusable).toEqual([]);
        expect(repaid.all.length).toBeLessThanOrEqual(kills * results.length * concurrency * reviewers);
      },
      1_200_000,
    );
  }
});
