import { digestSeeds } from "../dataset/seed-digest.js";
import { readSeeds } from "../dataset/seeds.js";
import type { InputError } from "../errors.js";

/** What a first look over the whole seed file found, before anything is spent. */
export interface SeedScan {
  /** sha256 of the file. */
  readonly digest: string;
  /** Valid seeds, at most the limit. */
  readonly count: number;
  /** Characters of all instructions, inputs, system prompts and messages together. */
  readonly characters: number;
  /** Rows that `skipInvalid` passes over; only the first are kept. */
  readonly invalid: { readonly count: number; readonly first: readonly InputError[] };
}

const shown = 20;

/** Reads every seed once. Throws `InputError` at the first bad row, unless told to skip such rows. */
export async function scanSeeds(file: string, options: { readonly limit?: number; readonly skipInvalid?: boolean } = {}): Promise<SeedScan> {
  let count = 0;
  let characters = 0;
  let invalid = 0;
  const first: InputError[] = [];
  const onInvalid = (fault: InputError) => {
    invalid += 1;
    if (first.length < shown) first.push(fault);
  };
  for await (const { seed } of readSeeds(file, { ...options, onInvalid })) {
    count += 1;
    const { instruction = "", input = "", system = "", messages = [] } = seed;
    const texts = [instruction, input, system, ...messages.map((message) => message.content)];
    characters += texts.reduce((sum, text) => sum + text.length, 0);
  }
  return { digest: await digestSeeds(file), count, characters, invalid: { count: invalid, first } };
}
