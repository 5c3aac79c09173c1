import { isUtf8 } from "node:buffer";

/**
 * Decodes chunks of UTF-8 that can end in the middle of a character.
 *
 * At invalid bytes it first yields the text before them and then throws, so that the reader knows how far it got.
 */
export async function* decodeUtf8(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    const end = findLastCharacter(bytes);
    const complete = bytes.subarray(0, end);
    if (!isUtf8(complete)) yield* yieldValidPrefix(bytes);
    yield complete.toString();
    rest = bytes.subarray(end);
  }
  if (!isUtf8(rest)) yield* yieldValidPrefix(rest);
  yield rest.toString();
}

/** Returns the offset of the last character, which can be incomplete. */
function findLastCharacter(bytes: Buffer): number {
  const isContinuation = (offset: number) => (bytes.readUInt8(offset) & 0b1100_0000) === 0b1000_0000;
  let offset = bytes.length - 1;
  while (offset > 0 && offset > bytes.length - 4 && isContinuation(offset)) offset--;
  return Math.max(offset, 0);
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
    // Thrown at the first invalid byte: the text holds everything before it.
  }
  return text;
}
