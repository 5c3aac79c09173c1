import { z } from "zod";

import { InputError } from "../../errors.js";

const count = z.int().min(0).default(0);

/** Tokens going in and coming out. */
const Tokens = z.object({ inputTokens: count, outputTokens: count });
export type Tokens = Readonly<z.infer<typeof Tokens>>;

/** What one model was used for. */
const ModelUsage = z.object({
  /** Replies that came back. */
  calls: count,
  /** Those among `calls` whose endpoint did not say how many tokens they took. */
  unmeteredCalls: count,
  /** Attempts that brought no reply but may have been charged: timeouts, resets, aborts. */
  unconfirmedCalls: count,
  /** As endpoints counted, cached input included. */
  inputTokens: count,
  cachedInputTokens: count,
  outputTokens: count,
  /** Worst cases of what was never counted: estimated and uncertain calls, and calls in flight when a process was killed. */
  uncountedInputTokens: count,
  uncountedOutputTokens: count,
});
export type ModelUsage = Readonly<z.infer<typeof ModelUsage>>;

/**
 * One line of the ledger. `used` is what was settled since the line before; `held` is the most that may be charged beyond
 * everything recorded so far, and takes the place of what earlier lines held.
 */
const Line = z.object({
  at: z.iso.datetime(),
  used: z.array(ModelUsage.extend({ model: z.string() })),
  held: z.array(Tokens.extend({ model: z.string() })),
});

export type UsageByModel = ReadonlyMap<string, ModelUsage>;
export type Reservations = ReadonlyMap<string, Tokens>;

export const zeroTokens: Tokens = { inputTokens: 0, outputTokens: 0 };

export function addTokens(a: Tokens, b: Tokens, sign: 1 | -1 = 1): Tokens {
  return { inputTokens: a.inputTokens + sign * b.inputTokens, outputTokens: a.outputTokens + sign * b.outputTokens };
}

/** Everything that counts against a limit: counted and assumed. */
export function getChargedTokens(account: ModelUsage): Tokens {
  return { inputTokens: account.inputTokens + account.uncountedInputTokens, outputTokens: account.outputTokens + account.uncountedOutputTokens };
}

/** Adds an entry to a model's account. */
export function addUsage(accounts: Map<string, ModelUsage>, model: string, entry: Partial<ModelUsage>): void {
  const before = accounts.get(model) ?? ModelUsage.parse({});
  const sum = (name: keyof ModelUsage) => before[name] + (entry[name] ?? 0);
  accounts.set(model, {
    calls: sum("calls"),
    unmeteredCalls: sum("unmeteredCalls"),
    unconfirmedCalls: sum("unconfirmedCalls"),
    inputTokens: sum("inputTokens"),
    cachedInputTokens: sum("cachedInputTokens"),
    outputTokens: sum("outputTokens"),
    uncountedInputTokens: sum("uncountedInputTokens"),
    uncountedOutputTokens: sum("uncountedOutputTokens"),
  });
}

/** One line with its newline. Zeros are left out. */
export function ledgerLine(used: UsageByModel, held: Reservations): string {
  const listed = (entries: ReadonlyMap<string, ModelUsage | Tokens>) =>
    [...entries].flatMap(([model, counts]) => {
      const told = Object.entries(counts).filter(([, value]) => value !== 0);
      return told.length === 0 ? [] : [{ model, ...Object.fromEntries(told) }];
    });
  return `${JSON.stringify({ at: new Date().toISOString(), used: listed(used), held: listed(held) })}\n`;
}

/**
 * Adds up a ledger. Text after the last newline is a line that a kill cut off: nothing relied on it, so it is passed over.
 * Throws `InputError` naming file and row for any other line that cannot be read.
 */
export function readLedgerLines(text: string, file: string): { accounts: Map<string, ModelUsage>; held: Map<string, Tokens> } {
  const accounts = new Map<string, ModelUsage>();
  let held = new Map<string, Tokens>();
  for (const [index, line] of text.split("\n").slice(0, -1).entries()) {
    const entry = readLine(line, file, index + 1);
    for (const { model, ...used } of entry.used) addUsage(accounts, model, used);
    held = new Map(entry.held.map(({ model, ...tokens }) => [model, tokens]));
  }
  return { accounts, held };
}

function readLine(line: string, file: string, row: number): z.infer<typeof Line> {
  try {
    return Line.parse(JSON.parse(line));
  } catch (cause) {
    throw new InputError(
      `${file}, line ${row}: not a line of a usage ledger. Restore the file, or move it away to forget what was spent so far`,
      { file, row },
      { cause },
    );
  }
}
