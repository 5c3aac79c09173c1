import { chain, none } from "stream-chain/core";
import { jsonParser } from "stream-json/core/parser.js";
import { streamArray } from "stream-json/core/streamers/stream-array.js";
import { type VerifierError, jsonVerifier } from "stream-json/core/utils/verifier.js";

import { InputError, getErrorMessage } from "../../errors.js";
import { isLongInteger } from "./long-integers.js";
import { decodeUtf8 } from "./utf8.js";
import { type RawRow, maxRowBytes, maxRowSize } from "./validate-row.js";

const maxDepth = 1000;

/**
 * Reads the rows of a file that is one JSON array, numbered from 1.
 *
 * @throws {InputError} Where the JSON is invalid, after all rows before that place. Later rows cannot be found any more.
 */
export async function* readArrayRows(chunks: AsyncIterable<Buffer>, file: string): AsyncGenerator<RawRow> {
  let row = 0;
  let unfinishedBytes = 0;
  async function* limitRowBytes() {
    for await (const chunk of chunks) {
      unfinishedBytes += chunk.length;
      if (unfinishedBytes > maxRowBytes) throw new Error(`the row is longer than ${maxRowSize}.`);
      yield chunk;
    }
  }
  const parseElements = chain([jsonParser({ streamValues: false }), keepLongIntegers, streamArray({ objectFilter: checkDepth, includeUndecided: true })]);
  try {
    for await (const { value } of parseElements(verifyJson(decodeUtf8(limitRowBytes())))) {
      unfinishedBytes = 0;
      yield { row: ++row, value };
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    const details = { file, row: row + 1 };
    const advice = "Fix the file: the rows after this place cannot be found, so none of them was read.";
    throw new InputError(`${file}, row ${details.row}: ${describeProblem(error)} ${advice}`, details, { cause: error });
  }
}

/** Passes whole numbers on as strings if they would lose digits. */
function keepLongIntegers(token: { readonly name?: string; readonly value?: unknown }) {
  const { name, value } = token;
  return name === "numberValue" && typeof value === "string" && isLongInteger(value) ? { name: "stringValue", value } : token;
}

/** Limits the depth, as one row can contain millions of brackets, which would need a hundred times their size in memory. */
function checkDepth(row: { readonly depth: number }): undefined {
  if (row.depth > maxDepth) throw new Error(`the row is nested more than ${maxDepth} levels deep.`);
}

/**
 * Yields text up to the exact character where it stops being valid JSON, then throws.
 *
 * The parser cannot do this: on an error it drops what it has read of a chunk, and does not say where the error is.
 */
async function* verifyJson(texts: AsyncIterable<string>): AsyncGenerator<string> {
  // The declared type lacks the call that ends the text.
  const verify = jsonVerifier() as (text: string | typeof none) => unknown;
  let length = 0;
  for await (const text of texts) {
    try {
      verify(text);
    } catch (error) {
      if (isVerifierError(error)) yield text.slice(0, Math.max(0, error.offset - length));
      throw error;
    }
    length += text.length;
    yield text;
  }
  try {
    verify(none);
  } catch (error) {
    if (isVerifierError(error) && error.offset < length) throw error;
    throw new Error("the file ends before the array is closed.", { cause: error });
  }
}

function isVerifierError(error: unknown): error is VerifierError {
  return error instanceof Error && "offset" in error && "line" in error && "pos" in error;
}

function describeProblem(error: unknown): string {
  if (!isVerifierError(error)) return getErrorMessage(error);
  const reason = error.message.replace(/^ERROR at .*?: /, "").replace(/^Verifier (cannot parse input: |has )/, "");
  const readableReason = reason === "escaped characters" ? "a raw control character or an invalid escape in a string" : reason;
  return `the JSON array is invalid at line ${error.line}, column ${error.pos} (${readableReason}).`;
}
