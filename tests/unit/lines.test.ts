import fc from "fast-check";
import { expect, test } from "vitest";

import { readLines, readTextLines } from "../../src/lines.js";

/** Characters other than the line feed that some programs treat as the end of a line. */
const otherLineEnds = ["\u2028", "\u2029", "\u0085", "\r", "\v", "\f", "\u001e"];
const arbitraryLine = fc
  .array(fc.oneof(fc.constantFrom(...otherLineEnds), fc.string({ unit: "grapheme" })), { maxLength: 5 })
  .map((parts) => parts.join("").replaceAll("\n", ""));
const arbitrarySizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 });

/** Yields the text in chunks of these sizes in bytes, repeated. A chunk may end within a character. */
async function* toChunks(text: string, sizes: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}

test("a line ends at a line feed and nowhere else, whatever the chunks are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryLine), arbitrarySizes, async (lines, sizes) => {
      const text = lines.map((line) => `${line}\n`).join("");
      expect(await collect(readTextLines(toChunks(text, sizes)))).toEqual(lines);
    }),
  );
});

test("a last line without a line feed is a line", async () => {
  expect(await collect(readTextLines(toChunks("one\n\ntw\u2028o", [2])))).toEqual(["one", "", "tw\u2028o"]);
  expect(await collect(readTextLines(toChunks("", [1])))).toEqual([]);
});

test("a line above the maximum length is null, and the next line is read", async () => {
  const lines = await collect(readLines(toChunks("abcd\nabcde\nab\n", [3]), 4));
  expect(lines.map((bytes) => bytes?.toString() ?? null)).toEqual(["abcd", null, "ab"]);
});
