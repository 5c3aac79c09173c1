import { isUtf8 } from "node:buffer";

import { InputError } from "../errors.js";
import { type Row, maxRowBytes, maxRowSize, printable } from "./seed-row.js";

const lineFeed = 0x0a;

/** The rows of a JSONL file, numbered by line. Blank lines are passed over; a line that cannot be read is a row with a fault. */
export async function* lineRows(blocks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Row> {
  let row = 0;
  for await (const bytes of linesOf(blocks)) {
    row++;
    const read = readLine(bytes);
    if (read === null) continue;
    if ("value" in read) yield { row, value: read.value };
    else yield { row, fault: new InputError(`${file}, line ${row}: the line is ${read.problem}`, { file, row }, { cause: read.cause }) };
  }
}

function readLine(bytes: Buffer | null): { value: unknown } | { problem: string; cause?: unknown } | null {
  if (bytes === null) return { problem: `longer than ${maxRowSize}. Expected one object on each line.` };
  if (!isUtf8(bytes)) return { problem: "not valid UTF-8. Save the file as UTF-8." };
  const text = bytes.toString().trim();
  if (text === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    return { value };
  } catch (cause) {
    const reason = cause instanceof Error ? printable(cause.message) : String(cause);
    return { problem: `not valid JSON (${reason}). Expected one whole object on each line.`, cause };
  }
}

/**
 * Lines as bytes without their line feed; null for one that is too long to hold. Not `node:readline`, which also breaks
 * lines at U+2028 and U+2029 (both may stand in JSON strings), hides invalid UTF-8, and knows no longest line.
 */
async function* linesOf(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let pieces: Buffer[] = [];
  let size = 0;
  const add = (piece: Buffer) => {
    size += piece.length;
    if (size > maxRowBytes) pieces = [];
    else pieces.push(piece);
  };
  const take = () => {
    const line = size > maxRowBytes ? null : Buffer.concat(pieces);
    pieces = [];
    size = 0;
    return line;
  };
  for await (const block of blocks) {
    let from = 0;
    for (let end = block.indexOf(lineFeed); end !== -1; end = block.indexOf(lineFeed, from)) {
      add(block.subarray(from, end));
      yield take();
      from = end + 1;
    }
    add(block.subarray(from));
  }
  if (size > 0) yield take();
}
