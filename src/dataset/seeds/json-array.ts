import { chain, none } from "stream-chain/core";
import { jsonParser } from "stream-json/core/parser.js";
import { streamArray } from "stream-json/core/streamers/stream-array.js";
import { type VerifierError, jsonVerifier } from "stream-json/core/utils/verifier.js";

import { InputError } from "../../errors.js";
import { type Row, maxRowBytes, maxRowSize } from "./validate-row.js";
import { decodeUtf8 } from "./utf8.js";

const maxDepth = 1000;

/**
 * The rows of a file that is one JSON array, numbered from 1. Throws `InputError` where the text breaks, after the rows
 * that stand before that place: what follows it cannot be told apart any more.
 */
export async function* arrayRows(blocks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Row> {
  let row = 0;
  let unfinished = 0;
  async function* measured() {
    for await (const block of blocks) {
      unfinished += block.length;
      if (unfinished > maxRowBytes) throw new Error(`the row is longer than ${maxRowSize}.`);
      yield block;
    }
  }
  const elements = chain([jsonParser({ streamValues: false }), streamArray({ objectFilter: checkDepth, includeUndecided: true })]);
  try {
    for await (const { value } of elements(verified(decodeUtf8(measured())))) {
      unfinished = 0;
      yield { row: ++row, value };
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    const place = { file, row: row + 1 };
    const advice = "Mend the file: the rows after this place cannot be found, so none of them was read.";
    throw new InputError(`${file}, row ${place.row}: ${describeProblem(error)} ${advice}`, place, { cause: error });
  }
}

/** Millions of brackets fit into one row, and would take a hundred times their size in memory. */
function checkDepth(row: { readonly depth: number }): undefined {
  if (row.depth > maxDepth) throw new Error(`the row is nested more than ${maxDepth} levels deep.`);
}

/**
 * Passes on text that is well-formed JSON so far, up to the very character where it stops being so. The parser itself drops
 * what it had read of a block when it meets a fault in it, and does not say where that was.
 */
async function* verified(texts: AsyncIterable<string>): AsyncGenerator<string> {
  // Its type leaves out the call that ends the text.
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
  if (!isVerifierError(error)) return error instanceof Error ? error.message : String(error);
  const reason = error.message.replace(/^ERROR at .*?: /, "").replace(/^Verifier (cannot parse input: |has )/, "");
  const words = reason === "escaped characters" ? "a raw control character or a wrong escape in a string" : reason;
  return `the JSON array is broken at line ${error.line}, column ${error.pos} (${words}).`;
}
