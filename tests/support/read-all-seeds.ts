import { InputError } from "../../src/errors.js";
import { type ReadSeedsOptions, type SeedRow, readSeeds } from "../../src/dataset/seeds/read-seeds.js";

/** Reads a seed file until its end or the first error, and returns rows, skipped rows and the error. */
export async function readAllSeeds(file: string, options: ReadSeedsOptions = {}) {
  const rows: SeedRow[] = [];
  const skipped: InputError[] = [];
  let error: InputError | undefined;
  try {
    for await (const row of readSeeds(file, { onInvalid: (skippedError) => skipped.push(skippedError), ...options })) rows.push(row);
  } catch (thrown) {
    if (!(thrown instanceof InputError)) throw thrown;
    error = thrown;
  }
  return { rows, seeds: rows.map(({ seed }) => seed), skipped, error };
}
