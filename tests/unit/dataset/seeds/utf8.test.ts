import fc from "fast-check";
import { expect, it } from "vitest";

import { decodeUtf8 } from "../../../../src/dataset/seeds/utf8.js";

const stretch = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
);

/** The bytes in blocks of 1 to 5, as `sizes` says over and over. */
async function* blocks(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

/** The longest beginning that is UTF-8 as it stands, found by trying. */
function validBeginning(bytes: Buffer): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let length = bytes.length; ; length--) {
    try {
      return decoder.decode(bytes.subarray(0, length));
    } catch {
      continue;
    }
  }
}

it("decodes whatever is valid, and throws exactly where something is not", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stretch), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), async (stretches, sizes) => {
      const bytes = Buffer.concat(stretches);
      const expected = validBeginning(bytes);
      let text = "";
      let failed = false;
      try {
        for await (const piece of decodeUtf8(blocks(bytes, sizes))) text += piece;
      } catch {
        failed = true;
      }
      expect(text).toBe(expected);
      expect(failed).toBe(Buffer.byteLength(expected) < bytes.length);
    }),
    { numRuns: 500 },
  );
});
