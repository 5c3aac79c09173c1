import { InputError } from "../../errors.js";
import { arrayRows } from "./json-array.js";
import { readFileChunks, openSeedFile } from "./seed-file.js";
import { detectFormat } from "./detect-format.js";
import { lineRows } from "./json-lines.js";
import { validateRow } from "./validate-row.js";
import type { Seed } from "./seed.js";

export { Seed } from "./seed.js";

/** How {@link readSeeds} reads. */
export interface ReadSeedsOptions {
  /** Most seeds to yield; invalid rows do not count. The file is not read beyond them. Default: all. */
  readonly limit?: number;
  /** Go on after a row that is wrong. Default: false, the first one throws. */
  readonly skipInvalid?: boolean;
  /** Told of every row that `skipInvalid` passes over. */
  readonly onInvalid?: (fault: InputError) => void;
}

/** A seed and where it stands. */
export interface SeedRow {
  /** Place among the rows of the file, from 0; invalid rows count, blank lines do not. */
  readonly index: number;
  /** Line of a JSONL file or element of a JSON array, from 1. */
  readonly row: number;
  readonly seed: Seed;
}

/**
 * Reads seeds from a JSONL file or from a JSON array, which of the two it sees by the first characters. UTF-8, with or
 * without a byte order mark. The file is read as the caller goes on, block by block, and closed when the caller stops;
 * no row may be longer than 8 MiB.
 *
 * Throws `InputError` with file, row and field. With `skipInvalid` a faulty row (a broken line of JSONL included) goes to
 * `onInvalid` instead; a file that cannot be read, is neither format, has no rows, or is an array broken in the middle
 * still throws.
 */
export async function* readSeeds(file: string, options: ReadSeedsOptions = {}): AsyncGenerator<SeedRow> {
  const { limit = Infinity, skipInvalid = false, onInvalid } = options;
  const handle = await openSeedFile(file);
  try {
    const { kind, start } = await detectFormat(readFileChunks(handle, file), file);
    const blocks = readFileChunks(handle, file, start);
    const [rows, unit] = kind === "array" ? [arrayRows(blocks, file), "row"] : [lineRows(blocks, file), "line"];
    let index = 0;
    let yielded = 0;
    if (limit <= 0) return;
    for await (const found of rows) {
      const { row } = found;
      const seed = "fault" in found ? found.fault : validateRow(found.value, { file, row, place: `${file}, ${unit} ${row}` });
      if (seed instanceof InputError) {
        if (!skipInvalid) throw seed;
        onInvalid?.(seed);
      } else {
        yield { index, row, seed };
        if (++yielded >= limit) return;
      }
      index++;
    }
    if (index === 0) throw new InputError(`${file} has no rows: its array is empty. Put at least one seed into it.`, { file });
  } finally {
    await handle.close();
  }
}
