import { jsonVerifier } from "stream-json/core/utils/verifier.js";

import { InputError } from "../../errors.js";
import { toPrintableLine } from "./validate-row.js";

export interface SeedFormat {
  readonly kind: "array" | "lines";
  /** Where the text begins, in bytes: behind the byte order mark, if there is one. */
  readonly start: number;
}

const wanted = 'Expected JSONL (one object such as {"instruction": "..."} on each line) or one JSON array of such objects.';
const byteOrderMark = Buffer.from("\uFEFF");
const unsupportedEncodings: readonly (readonly [Buffer, string])[] = [
  [Buffer.of(0xff, 0xfe), "is UTF-16, not UTF-8. Save it as UTF-8."],
  [Buffer.of(0xfe, 0xff), "is UTF-16, not UTF-8. Save it as UTF-8."],
  [Buffer.of(0x1f, 0x8b), "is compressed with gzip. Unpack it first."],
];

/** Tells by its first characters how a file of seeds is written. Throws `InputError` where it is neither format, or empty. */
export async function detectFormat(blocks: AsyncIterable<Buffer>, file: string): Promise<SeedFormat> {
  let start: number | undefined;
  for await (const block of blocks) {
    start ??= detectBom(block, file);
    const head = block.toString().replace(/^\uFEFF?[ \t\r\n]+|^\uFEFF/, "");
    if (head === "") continue;
    if (head.startsWith("[")) return { kind: "array", start };
    if (!head.startsWith("{")) throw new InputError(`${file} starts with "${toPrintableLine(head.slice(0, 20))}". ${wanted}`, { file });
    if (isMultilineObject(head)) {
      const advice = "Put each object on one line (`jq -c .` does); if one object wraps the rows, save the list inside it alone.";
      throw new InputError(`${file} holds a JSON object spread over several lines. ${wanted} ${advice}`, { file });
    }
    return { kind: "lines", start };
  }
  throw new InputError(`${file} has no rows. ${wanted}`, { file });
}

function detectBom(block: Buffer, file: string): number {
  const known = unsupportedEncodings.find(([mark]) => block.subarray(0, mark.length).equals(mark));
  if (known) throw new InputError(`${file} ${known[1]}`, { file });
  return block.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0;
}

/** Whether a first line is no value in itself, but becomes one with the lines below it. */
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
