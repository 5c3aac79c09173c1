import { isUtf8 } from "node:buffer";

/**
 * Decodes blocks of UTF-8 whose borders may fall inside a character. Where the bytes are not UTF-8 it first yields the text
 * before them and then throws, so that the reader knows how far it came.
 */
export async function* decodeUtf8(blocks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const block of blocks) {
    const bytes = Buffer.concat([rest, block]);
    const end = lastCharacter(bytes);
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) yield* yieldValidPrefix(bytes);
    yield whole.toString();
    rest = bytes.subarray(end);
  }
  if (!isUtf8(rest)) yield* yieldValidPrefix(rest);
  yield rest.toString();
}

/** Where the last character begins, whole or not. */
function lastCharacter(bytes: Buffer): number {
  const isContinuation = (at: number) => (bytes.readUInt8(at) & 0b1100_0000) === 0b1000_0000;
  let at = bytes.length - 1;
  while (at > 0 && at > bytes.length - 4 && isContinuation(at)) at--;
  return Math.max(at, 0);
}

function* yieldValidPrefix(bytes: Buffer): Generator<string, never> {
  yield getValidPrefix(bytes);
  throw new Error("the text is not valid UTF-8 from here on. Save the file as UTF-8.");
}

function getValidPrefix(bytes: Buffer): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  try {
    for (const byte of bytes) text += decoder.decode(Uint8Array.of(byte), { stream: true });
  } catch {
    // The byte that is wrong: all before it is in the text.
  }
  return text;
}
