import fc from "fast-check";
import { expect, it } from "vitest";

import { decodeUtf8 } from "../../../../src/dataset/seeds/utf8.js";

const bytesArbitrary = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
);

/** Splits bytes into chunks of the given sizes, which repeat. */
async function* splitIntoChunks(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let from = 0, index = 0; from < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

/** Finds the longest valid prefix by trying every length. */
function findValidPrefix(bytes: Buffer): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let length = bytes.length; ; length--) {
    try {
      return decoder.decode(bytes.subarray(0, length));
    } catch {
      continue;
    }
  }
}

it("decodeUtf8 yields all text before the first invalid byte, then throws", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(bytesArbitrary), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), async (parts, sizes) => {
      const bytes = Buffer.concat(parts);
      const expected = findValidPrefix(bytes);
      let text = "";
      let failed = false;
      try {
        for await (const decoded of decodeUtf8(splitIntoChunks(bytes, sizes))) text += decoded;
      } catch {
        failed = true;
      }
      expect(text).toBe(expected);
      expect(failed).toBe(Buffer.byteLength(expected) < bytes.length);
    }),
    { numRuns: 500 },
  );
});
