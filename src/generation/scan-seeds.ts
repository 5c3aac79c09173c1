import { digestSeeds } from "../dataset/seeds/digest-seeds.js";
import { readSeeds } from "../dataset/seeds/read-seeds.js";
import type { InputError } from "../errors.js";
import { type Shard, isInShard } from "../jobs/shard.js";

/** Result of reading all seeds once, before anything is spent. */
export interface SeedScan {
  /** SHA-256 of the file. */
  readonly digest: string;
  /** Valid seeds within the limit: all, or the shard's. */
  readonly count: number;
  /** Characters of the instructions, inputs, system prompts and messages of those seeds together. */
  readonly characters: number;
  /** Rows that `skipInvalid` skips; only the first errors are kept. */
  readonly invalid: { readonly count: number; readonly first: readonly InputError[] };
}

/** Number of errors that a scan keeps. */
const maxKeptErrors = 20;

/** Options of {@link scanSeeds}. */
export interface ScanSeedsOptions {
  readonly limit?: number;
  readonly skipInvalid?: boolean;
  /** Counts only the seeds of this shard. Default: all. */
  readonly shard?: Shard | null;
}

/**
 * Reads every seed once.
 *
 * @throws {InputError} At the first bad row, unless `skipInvalid` is set.
 */
export async function scanSeeds(file: string, options: ScanSeedsOptions = {}): Promise<SeedScan> {
  const { limit, skipInvalid, shard = null } = options;
  let position = 0;
  let count = 0;
  let characters = 0;
  let invalid = 0;
  const first: InputError[] = [];
  const onInvalid = (error: InputError) => {
    invalid += 1;
    if (first.length < maxKeptErrors) first.push(error);
  };
  for await (const { seed } of readSeeds(file, { limit, skipInvalid, onInvalid })) {
    if (!isInShard(position++, shard)) continue;
    count += 1;
    const { instruction = "", input = "", system = "", messages = [] } = seed;
    const texts = [instruction, input, system, ...messages.map((message) => message.content)];
    characters += texts.reduce((sum, text) => sum + text.length, 0);
  }
  return { digest: await digestSeeds(file), count, characters, invalid: { count: invalid, first } };
}
