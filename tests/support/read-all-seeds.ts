import { InputError } from "../../src/errors.js";
import { type ReadSeedsOptions, type SeedRow, readSeeds } from "../../src/dataset/seeds/read-seeds.js";

/** Reads to the end or to the error that ends it, and keeps everything that was seen on the way. */
export async function readAllSeeds(file: string, options: ReadSeedsOptions = {}) {
  const rows: SeedRow[] = [];
  const skipped: InputError[] = [];
  let error: InputError | undefined;
  try {
    for await (const row of readSeeds(file, { onInvalid: (fault) => skipped.push(fault), ...options })) rows.push(row);
  } catch (thrown) {
    if (!(thrown instanceof InputError)) throw thrown;
    error = thrown;
  }
  return { rows, seeds: rows.map(({ seed }) => seed), skipped, error };
}
