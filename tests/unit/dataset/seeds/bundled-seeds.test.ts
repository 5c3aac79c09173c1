import { fileURLToPath } from "node:url";

import { beforeAll, expect, it } from "vitest";

import { type SeedRow, readSeeds } from "../../../../src/dataset/seeds/read-seeds.js";

const rows: SeedRow[] = [];
beforeAll(async () => {
  for await (const row of readSeeds(fileURLToPath(new URL("../../../../seeds/seeds.jsonl", import.meta.url)))) rows.push(row);
});

it("the bundled seed file contains thirty different seeds", () => {
  expect(rows).toHaveLength(30);
  expect(new Set(rows.map(({ seed }) => seed.instruction)).size).toBe(30);
});

it("the bundled seeds include inputs, system prompts and several scripts", () => {
  const count = (test: (row: SeedRow) => boolean) => rows.filter(test).length;
  expect(count(({ seed }) => seed.input !== undefined)).toBeGreaterThanOrEqual(8);
  expect(count(({ seed }) => seed.system !== undefined)).toBeGreaterThanOrEqual(2);
  for (const script of [/\p{Script=Han}/u, /\p{Script=Hiragana}/u, /\p{Script=Arabic}/u, /\p{Script=Devanagari}/u]) {
    expect(count(({ seed }) => script.test(seed.instruction ?? ""))).toBeGreaterThanOrEqual(1);
  }
});
