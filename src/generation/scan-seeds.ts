import { digestSeeds } from "../dataset/seeds/digest-seeds.js";
import { readSeeds } from "../dataset/seeds/read-seeds.js";
import type { InputError } from "../errors.js";
import { type Shard, isInShard } from "../jobs/shard.js";

/** Result of {@link scanSeeds}. */
export interface SeedScan {
  /** SHA-256 of the file. */
  readonly digest: string;
  /** Number of valid seeds within the limit: all, or those of the shard. */
  readonly count: number;
  /** Total number of characters of these seeds: instructions, inputs, system prompts and messages. */
  readonly characters: number;
  /** Rows that `skipInvalid` skips, with the first errors. */
  readonly invalid: { readonly count: number; readonly first: readonly InputError[] };
}

const maxKeptErrors = 20;

/** Options of {@link scanSeeds}. */
export interface ScanSeedsOptions {
  readonly limit?: number;
  readonly skipInvalid?: boolean;
  /** Shard whose seeds are counted. Default: all seeds. */
  readonly shard?: Shard | null;
}

/**
 * Reads every seed once, before a job starts, to validate the file and to count the work.
 *
 * @throws {InputError} At the first invalid row, unless `skipInvalid` is set.
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
