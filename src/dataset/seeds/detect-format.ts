import { jsonVerifier } from "stream-json/core/utils/verifier.js";

import { InputError } from "../../errors.js";
import { toPrintableLine } from "./row-advice.js";

/** Format of a seed file. */
export interface SeedFormat {
  readonly kind: "array" | "lines";
  /** Byte offset of the text: after the byte order mark, if there is one. */
  readonly start: number;
}

const expectedFormats = 'Expected JSONL (one object such as {"instruction": "..."} on each line) or one JSON array of such objects.';
const byteOrderMark = Buffer.from("\uFEFF");
const unsupportedEncodings: readonly (readonly [Buffer, string])[] = [
  [Buffer.of(0xff, 0xfe), "is UTF-16, not UTF-8. Save it as UTF-8."],
  [Buffer.of(0xfe, 0xff), "is UTF-16, not UTF-8. Save it as UTF-8."],
  [Buffer.of(0x1f, 0x8b), "is compressed with gzip. Unpack it first."],
];

/**
 * Detects the format of a seed file from its first characters.
 *
 * @throws {InputError} If the file is empty or has neither format.
 */
export async function detectFormat(chunks: AsyncIterable<Buffer>, file: string): Promise<SeedFormat> {
  let start: number | undefined;
  for await (const chunk of chunks) {
    start ??= detectBom(chunk, file);
    const head = chunk.toString().replace(/^\uFEFF?[ \t\r\n]+|^\uFEFF/, "");
    if (head === "") continue;
    if (head.startsWith("[")) return { kind: "array", start };
    if (!head.startsWith("{"))
      throw new InputError(`${file} starts with "${toPrintableLine(head.slice(0, 20))}". ${expectedFormats}`, { file });
    if (isMultilineObject(head)) {
      const advice = "Put each object on one line (`jq -c .` does that); if one object wraps the rows, save only the list inside it.";
      throw new InputError(`${file} contains a JSON object that spans several lines. ${expectedFormats} ${advice}`, { file });
    }
    return { kind: "lines", start };
  }
  throw new InputError(`${file} has no rows. ${expectedFormats}`, { file });
}

/** Returns the length of the byte order mark, 0 without one. Throws for encodings that cannot be read. */
function detectBom(chunk: Buffer, file: string): number {
  const unsupported = unsupportedEncodings.find(([mark]) => chunk.subarray(0, mark.length).equals(mark));
  if (unsupported) throw new InputError(`${file} ${unsupported[1]}`, { file });
  return chunk.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0;
}

/** Returns true if the first line is not valid JSON by itself but is the start of valid JSON together with the next line. */
function isMultilineObject(head: string): boolean {
  const [first = "", second] = head.split(/(?:\r?\n\s*)+/, 2);
  if (!second) return false;
  try {
    jsonVerifier()(`${first}\n${second}`);
  } catch {
    return false;
  }
  try {
    JSON.parse(first);
    return false;
  } catch {
    return true;
  }
}
