import { isUtf8 } from "node:buffer";

import { InputError, getErrorMessage } from "../../errors.js";
import { readLines } from "../../lines.js";
import { quoteLongIntegers } from "./long-integers.js";
import { toPrintableLine } from "./row-advice.js";
import { type RawRow, maxRowBytes, maxRowSize } from "./validate-row.js";

/** Reads the rows of a JSONL file, numbered by line. Skips blank lines; a line that cannot be parsed is a row with an error. */
export async function* readLineRows(chunks: AsyncIterable<Buffer>, file: string): AsyncGenerator<RawRow> {
  let row = 0;
  for await (const bytes of readLines(chunks, maxRowBytes)) {
    row++;
    const result = parseLine(bytes);
    if (result === null) continue;
    if ("value" in result) yield { row, value: result.value };
    else yield { row, error: new InputError(`${file}, line ${row}: the line is ${result.problem}`, { file, row }, { cause: result.cause }) };
  }
}

function parseLine(bytes: Buffer | null): { value: unknown } | { problem: string; cause?: unknown } | null {
  if (bytes === null) return { problem: `longer than ${maxRowSize}. Expected one object on each line.` };
  if (!isUtf8(bytes)) return { problem: "not valid UTF-8. Save the file as UTF-8." };
  const text = bytes.toString().trim();
  if (text === "") return null;
  try {
    const value: unknown = JSON.parse(quoteLongIntegers(text));
    return { value };
  } catch (cause) {
    return { problem: `not valid JSON (${toPrintableLine(getErrorMessage(cause))}). Expected one complete object on each line.`, cause };
  }
}
