import { fileURLToPath } from "node:url";

import { beforeAll, describe, expect, it } from "vitest";

import { type SeedRow, readSeeds } from "../../../../src/dataset/seeds/read-seeds.js";

describe("the seeds that come with the project", () => {
  const rows: SeedRow[] = [];
  beforeAll(async () => {
    for await (const row of readSeeds(fileURLToPath(new URL("../../../seeds/seeds.jsonl", import.meta.url)))) rows.push(row);
  });

  it("are thirty, no two alike", () => {
    expect(rows).toHaveLength(30);
    expect(new Set(rows.map(({ seed }) => seed.instruction)).size).toBe(30);
  });

  it("show inputs, system prompts and other scripts", () => {
    const having = (test: (row: SeedRow) => boolean) => rows.filter(test).length;
    expect(having(({ seed }) => seed.input !== undefined)).toBeGreaterThanOrEqual(8);
    expect(having(({ seed }) => seed.system !== undefined)).toBeGreaterThanOrEqual(2);
    for (const script of [/\p{Script=Han}/u, /\p{Script=Hiragana}/u, /\p{Script=Arabic}/u, /\p{Script=Devanagari}/u]) {
      expect(having(({ seed }) => script.test(seed.instruction ?? ""))).toBeGreaterThanOrEqual(1);
    }
  });
});
