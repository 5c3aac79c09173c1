import fc from "fast-check";
import { expect, it } from "vitest";

import type { Seed } from "../../../../src/dataset/seeds/seed.js";
import { readAllSeeds } from "../../../support/read-all-seeds.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("ü", "語", "😀", "\u2028", "\n", '"', "\\", "]", "}", ",", "a") }),
);
const nonEmptyText = text.map((value) => `${value}x`);
const seedArbitrary: fc.Arbitrary<Seed> = fc.oneof(
  fc.record({ instruction: nonEmptyText, input: nonEmptyText, system: nonEmptyText }, { requiredKeys: ["instruction"], noNullPrototype: true }),
  fc
    .array(fc.record({ role: fc.constantFrom("user" as const, "assistant" as const), content: nonEmptyText }, { noNullPrototype: true }))
    .chain((before) => nonEmptyText.map((content) => ({ messages: [...before, { role: "user" as const, content }] }))),
);
/** Additional fields of a data set, none of them a field of seeds. */
const extraFields = fc.dictionary(
  fc.constantFrom("id", "output", "tags", "__proto__", "Instruction"),
  fc.oneof(fc.jsonValue(), fc.constant([[], {}, [null, true, -1.5e-7, 0]])),
);
const seedRows = fc.array(fc.tuple(seedArbitrary, extraFields), { minLength: 1, maxLength: 12 });

const layout = fc.record({
  kind: fc.constantFrom("jsonl", "compact", "pretty"),
  mark: fc.constantFrom("", "\uFEFF"),
  newline: fc.constantFrom("\n", "\r\n"),
  before: fc.constantFrom("", "\n", " \n\n"),
  end: fc.constantFrom("", "\n", "\n\n \n"),
});

/** Whole numbers that would lose digits are kept as strings. */
function keepDigits(_key: string, value: unknown): unknown {
  const digits = typeof value === "number" ? JSON.stringify(value) : "";
  return /^-?\d+$/.test(digits) && !Number.isSafeInteger(value) ? digits : value;
}

type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never;

function formatFile(rows: readonly object[], { kind, mark, newline, before, end }: Layout): string {
  const body = kind === "jsonl" ? rows.map((row) => JSON.stringify(row)).join("\n") : JSON.stringify(rows, null, kind === "pretty" ? 2 : 0);
  // Line breaks inside strings are escaped, so every raw one belongs to the layout.
  return mark + `${before}${body}${end}`.replaceAll("\n", newline);
}

it("readSeeds reads the same seeds from every layout of a file", async () => {
  await fc.assert(
    fc.asyncProperty(seedRows, layout, async (rows, fileLayout) => {
      const file = await files.write(
        formatFile(
          rows.map(([seed, extra]) => ({ ...extra, ...seed })),
          fileLayout,
        ),
      );
      const { seeds, rows: read, error } = await readAllSeeds(file);
      expect(error).toBeUndefined();
      expect(seeds).toEqual(rows.map(([seed, extra]) => (Object.keys(extra).length > 0 ? { ...seed, extra: JSON.stringify(extra, keepDigits) } : seed)));
      expect(read.map(({ index }) => index)).toEqual(rows.map((_, index) => index));
    }),
    { numRuns: 300 },
  );
});

it("readSeeds yields only complete rows of a truncated array, then throws", async () => {
  await fc.assert(
    fc.asyncProperty(seedRows, layout, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (rows, fileLayout, share) => {
      const seeds = rows.map(([seed]) => seed);
      const content = formatFile(seeds, { ...fileLayout, kind: fileLayout.kind === "jsonl" ? "compact" : fileLayout.kind, end: "" });
      const bytes = Buffer.from(content);
      const read = await readAllSeeds(await files.write(bytes.subarray(0, Math.floor(share * bytes.length))));
      expect(read.error).toBeDefined();
      expect(read.seeds).toEqual(seeds.slice(0, read.seeds.length));
    }),
  );
});

// Far longer than a chunk, and shifted so that the chunk ends after every byte of a character.
const shifts = [0, 1, 2, 3];
it.each(shifts.flatMap((shift) => [["compact", shift] as const, ["jsonl", shift] as const]))(
  "readSeeds decodes characters that span two chunks (%s, shifted by %i)",
  async (kind, shift) => {
    const seeds = ["ü", "語", "😀"].map((character) => ({ instruction: "x".repeat(shift) + character.repeat(50_000) }));
    const { seeds: read } = await readAllSeeds(await files.write(formatFile(seeds, { kind, mark: "", newline: "\n", before: "", end: "" })));
    expect(read).toEqual(seeds);
  },
);
