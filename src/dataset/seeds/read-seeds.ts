import { InputError } from "../../errors.js";
import { detectFormat } from "./detect-format.js";
import { readArrayRows } from "./json-array.js";
import { readLineRows } from "./json-lines.js";
import { openSeedFile, readChunks } from "./seed-file.js";
import type { Seed } from "./seed.js";
import { validateRow } from "./validate-row.js";

export { Seed } from "./seed.js";

/** Options of {@link readSeeds}. */
export interface ReadSeedsOptions {
  /** Maximum number of seeds to yield, invalid rows not counted. The file is not read any further. Default: all. */
  readonly limit?: number;
  /**
   * Whether to skip invalid rows instead of throwing at the first one.
   * @default false
   */
  readonly skipInvalid?: boolean;
  /** Called with the error of every row that `skipInvalid` skips. */
  readonly onInvalid?: (error: InputError) => void;
}

/** A seed and its position in the file. */
export interface SeedRow {
  /** Position among the rows of the file, from 0. Invalid rows count, blank lines do not. */
  readonly index: number;
  /** Line of a JSONL file or element of a JSON array, from 1. */
  readonly row: number;
  readonly seed: Seed;
}

/**
 * Reads seeds from a JSONL file or a JSON array in UTF-8, with or without a byte order mark.
 *
 * The first characters decide the format, not the file name. The file is read in chunks, only as fast as the caller iterates,
 * and closed when the caller stops. A row can have at most 8 MiB.
 *
 * @throws {InputError} With file, row and field. `skipInvalid` passes errors of rows, including unparsable JSONL lines, to
 * `onInvalid`. A file that cannot be read, has another format or no rows, or is an array with invalid JSON still throws.
 * @example
 * ```ts
 * for await (const { index, seed } of readSeeds("seeds.jsonl", { limit: 10 })) console.log(index, seed.instruction);
 * ```
 */
export async function* readSeeds(file: string, options: ReadSeedsOptions = {}): AsyncGenerator<SeedRow> {
  const { limit = Infinity, skipInvalid = false, onInvalid } = options;
  const handle = await openSeedFile(file);
  try {
    const { kind, start } = await detectFormat(readChunks(handle, file), file);
    const chunks = readChunks(handle, file, start);
    const [rows, unit] = kind === "array" ? [readArrayRows(chunks, file), "row"] : [readLineRows(chunks, file), "line"];
    let index = 0;
    let yielded = 0;
    if (limit <= 0) return;
    for await (const rawRow of rows) {
      const { row } = rawRow;
      const result = "error" in rawRow ? rawRow.error : validateRow(rawRow.value, { file, row, place: `${file}, ${unit} ${row}` });
      if (result instanceof InputError) {
        if (!skipInvalid) throw result;
        onInvalid?.(result);
      } else {
        yield { index, row, seed: result };
        if (++yielded >= limit) return;
      }
      index++;
    }
    if (index === 0) throw new InputError(`${file} has no rows: its array is empty. Add at least one seed.`, { file });
  } finally {
    await handle.close();
  }
}
