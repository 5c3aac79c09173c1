import fc from "fast-check";
import { expect, it } from "vitest";

import { readLines, readTextLines } from "../../src/lines.js";

/** Everything that somebody somewhere takes for the end of a line, but for the line feed. */
const lookalikes = ["\u2028", "\u2029", "\u0085", "\r", "\v", "\f", "\u001e"];
const line = fc
  .array(fc.oneof(fc.constantFrom(...lookalikes), fc.string({ unit: "grapheme" })), { maxLength: 5 })
  .map((parts) => parts.join("").replaceAll("\n", ""));
const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 });

/** The text in blocks of so many bytes, as `turns` says over and over: their borders fall inside characters too. */
async function* readFileChunks(text: string, turns: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const size = turns[turn % turns.length] ?? 1;
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

it("ends a line at a line feed and nowhere else, however the bytes come in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line), sizes, async (lines, turns) => {
      const text = lines.map((each) => `${each}\n`).join("");
      expect(await all(readTextLines(readFileChunks(text, turns)))).toEqual(lines);
    }),
  );
});

it("gives a last line without a line feed as well", async () => {
  expect(await all(readTextLines(readFileChunks("one\n\ntw\u2028o", [2])))).toEqual(["one", "", "tw\u2028o"]);
  expect(await all(readTextLines(readFileChunks("", [1])))).toEqual([]);
});

it("does not hold a line beyond the longest, and goes on behind it", async () => {
  const lines = await all(readLines(readFileChunks("abcd\nabcde\nab\n", [3]), 4));
  expect(lines.map((bytes) => bytes?.toString() ?? null)).toEqual(["abcd", null, "ab"]);
});
