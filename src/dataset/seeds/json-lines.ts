import { isUtf8 } from "node:buffer";

import { InputError } from "../../errors.js";
import { readLines } from "../../lines.js";
import { type Row, maxRowBytes, maxRowSize, toPrintableLine } from "./validate-row.js";

/** The rows of a JSONL file, numbered by line. Blank lines are passed over; a line that cannot be read is a row with a fault. */
export async function* lineRows(blocks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Row> {
  let row = 0;
  for await (const bytes of readLines(blocks, maxRowBytes)) {
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
    const reason = cause instanceof Error ? toPrintableLine(cause.message) : String(cause);
    return { problem: `not valid JSON (${reason}). Expected one whole object on each line.`, cause };
  }
}
