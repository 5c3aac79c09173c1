import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Seed } from "../../../../src/dataset/seeds/seed.js";
import { readAllSeeds } from "../../../support/read-all-seeds.js";
import { temporaryFiles } from "../../../support/temporary-files.js";

const files = temporaryFiles();

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("ü", "語", "😀", "\u2028", "\n", '"', "\\", "]", "}", ",", "a") }),
);
const words = text.map((some) => `${some}x`);
const seedOf: fc.Arbitrary<Seed> = fc.oneof(
  fc.record({ instruction: words, input: words, system: words }, { requiredKeys: ["instruction"], noNullPrototype: true }),
  fc
    .array(fc.record({ role: fc.constantFrom("user" as const, "assistant" as const), content: words }, { noNullPrototype: true }))
    .chain((before) => words.map((content) => ({ messages: [...before, { role: "user" as const, content }] }))),
);
/** Fields that every data set has more of; none of ours among them. */
const others = fc.dictionary(
  fc.constantFrom("id", "output", "tags", "__proto__", "Instruction"),
  fc.oneof(fc.jsonValue(), fc.constant([[], {}, [null, true, -1.5e-7, 0]])),
);
const readFileRows = fc.array(fc.tuple(seedOf, others), { minLength: 1, maxLength: 12 });

const layout = fc.record({
  kind: fc.constantFrom("jsonl", "compact", "pretty"),
  mark: fc.constantFrom("", "\uFEFF"),
  newline: fc.constantFrom("\n", "\r\n"),
  before: fc.constantFrom("", "\n", " \n\n"),
  end: fc.constantFrom("", "\n", "\n\n \n"),
});

function written(rows: readonly object[], { kind, mark, newline, before, end }: typeof layout extends fc.Arbitrary<infer T> ? T : never): string {
  const body = kind === "jsonl" ? rows.map((row) => JSON.stringify(row)).join("\n") : JSON.stringify(rows, null, kind === "pretty" ? 2 : 0);
  // Line breaks inside strings are escaped, so every raw one is the layout's.
  return mark + `${before}${body}${end}`.replaceAll("\n", newline);
}

describe("any list of seeds", () => {
  it("reads back the same, however it is laid out", async () => {
    await fc.assert(
      fc.asyncProperty(readFileRows, layout, async (rows, how) => {
        const file = await files.write(
          written(
            rows.map(([seed, more]) => ({ ...more, ...seed })),
            how,
          ),
        );
        const { seeds, rows: read, error } = await readAllSeeds(file);
        expect(error).toBeUndefined();
        expect(seeds).toEqual(rows.map(([seed]) => seed));
        expect(read.map(({ index }) => index)).toEqual(rows.map((_, index) => index));
      }),
      { numRuns: 300 },
    );
  });
});

describe("text cut short anywhere", () => {
  it("gives only whole rows of an array, and says that it is broken", async () => {
    await fc.assert(
      fc.asyncProperty(readFileRows, layout, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (rows, how, share) => {
        const seeds = rows.map(([seed]) => seed);
        const whole = written(seeds, { ...how, kind: how.kind === "jsonl" ? "compact" : how.kind, end: "" });
        const bytes = Buffer.from(whole);
        const read = await readAllSeeds(await files.write(bytes.subarray(0, Math.floor(share * bytes.length))));
        expect(read.error).toBeDefined();
        expect(read.seeds).toEqual(seeds.slice(0, read.seeds.length));
      }),
    );
  });
});

describe("characters over the borders of blocks", () => {
  // Far more than a block, shifted so that the border falls on every byte of a character.
  const shifts = [0, 1, 2, 3];
  it.each(shifts.flatMap((shift) => [["compact", shift] as const, ["jsonl", shift] as const]))(
    "come out whole in %s, shifted by %i",
    async (kind, shift) => {
      const seeds = ["ü", "語", "😀"].map((character) => ({ instruction: "x".repeat(shift) + character.repeat(50_000) }));
      const { seeds: read } = await readAllSeeds(await files.write(written(seeds, { kind, mark: "", newline: "\n", before: "", end: "" })));
      expect(read).toEqual(seeds);
    },
  );
});
