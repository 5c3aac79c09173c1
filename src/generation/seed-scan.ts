import { digestSeeds } from "../dataset/seed-digest.js";
import { readSeeds } from "../dataset/seeds.js";
import type { InputError } from "../errors.js";
import { type Shard, isInShard } from "./shard.js";

/** What a first look over the whole seed file found, before anything is spent. */
export interface SeedScan {
  /** sha256 of the file. */
  readonly digest: string;
  /** Valid seeds within the limit: all, or the shard's. */
  readonly count: number;
  /** Place of the last seed within the limit, from 0; -1 where there is none. */
  readonly lastIndex: number;
  /** Characters of the instructions, inputs, system prompts and messages of those seeds together. */
  readonly characters: number;
  /** Rows that `skipInvalid` passes over; only the first are kept. */
  readonly invalid: { readonly count: number; readonly first: readonly InputError[] };
}

const shown = 20;

export interface SeedScanOptions {
  readonly limit?: number;
  readonly skipInvalid?: boolean;
  /** Count only the seeds of this shard. Default: all. */
  readonly shard?: Shard | null;
}

/** Reads every seed once. Throws `InputError` at the first bad row, unless told to skip such rows. */
export async function scanSeeds(file: string, options: SeedScanOptions = {}): Promise<SeedScan> {
  const { limit, skipInvalid, shard = null } = options;
  let count = 0;
  let lastIndex = -1;
  let characters = 0;
  let invalid = 0;
  const first: InputError[] = [];
  const onInvalid = (fault: InputError) => {
    invalid += 1;
    if (first.length < shown) first.push(fault);
  };
  for await (const { index, seed } of readSeeds(file, { limit, skipInvalid, onInvalid })) {
    lastIndex = index;
    if (!isInShard(index, shard)) continue;
    count += 1;
    const { instruction = "", input = "", system = "", messages = [] } = seed;
    const texts = [instruction, input, system, ...messages.map((message) => message.content)];
    characters += texts.reduce((sum, text) => sum + text.length, 0);
  }
  return { digest: await digestSeeds(file), count, lastIndex, characters, invalid: { count: invalid, first } };
}
