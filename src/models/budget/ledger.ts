import { ReviewInstructError } from "../../errors.js";
import {
  type Accounts,
  type Holds,
  type ModelAccount,
  type Tokens,
  addToAccount,
  addTokens,
  chargedTokens,
  ledgerLine,
  noTokens,
  readLedgerLines,
} from "./ledger-lines.js";
import type { PricedUsage } from "./prices.js";

/** A call that is on record as being in flight. Exactly one of its methods is to be called, once. None of them throws. */
export interface OpenCall {
  /** A reply came. What its endpoint did not count is charged at the worst case. */
  replied(usage: PricedUsage): void;
  /** It failed and was surely not charged. */
  released(): void;
  /** It failed and may have been charged: stays charged at the worst case. */
  uncertain(): void;
}

/** The book of all model calls of an output folder, over all its runs. */
export interface Ledger {
  /** Everything settled so far, by model as the settings name it. */
  readonly accounts: Accounts;
  /** Worst cases of the calls in flight, by model. */
  readonly inFlight: Holds;
  /**
   * Puts a call on record before it goes out. `ahead` worst cases more are put on record with it wherever a line has to be
   * written, so that not every call writes one; a kill charges them too. Throws `ReviewInstructError` `ledger_unwritable`.
   */
  begin(model: string, worst: Tokens, ahead: number): OpenCall;
  /** Writes what is left and lets go of the file. Throws like `begin`. */
  close(): void;
}

/** Where lines go. `append` returns once the line would survive a power cut. A line that failed may stand there in part or whole; the next takes its place. */
export interface LedgerStorage {
  append(line: string): void;
  close(): void;
}

/** Longest time for which settled calls stay unwritten, in milliseconds. */
const flushEveryMs = 1000;

/** A ledger that forgets. */
export function memoryLedger(): Ledger {
  return createLedger("", { append: () => undefined, close: () => undefined });
}

/** A ledger that goes on from `recorded`, the text of its lines so far, and writes to `storage`. */
export function createLedger(recorded: string, storage: LedgerStorage, name = "usage ledger"): Ledger {
  const { accounts, held: left } = readLedgerLines(recorded, name);
  /** Settled since the last line. */
  const unwritten = new Map<string, ModelAccount>();
  const inFlight = new Map<string, Tokens>();
  /** Room to begin calls without a line, as it was when the last line was written. */
  const ahead = new Map<string, Tokens>();
  /** What the last line holds. Null once a line failed: it may stand there whole all the same, so nothing may rely on either. */
  let held: Holds | null = left;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  // What a killed process left in flight was perhaps charged.
  for (const [model, tokens] of left) enter(model, assumed(tokens));

  function enter(model: string, entry: Partial<ModelAccount>): void {
    addToAccount(accounts, model, entry);
    addToAccount(unwritten, model, entry);
  }

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    const next: Holds = new Map([...inFlight].map(([model, tokens]) => [model, addTokens(tokens, ahead.get(model) ?? noTokens)]));
    try {
      storage.append(ledgerLine(unwritten, next));
    } catch (cause) {
      held = null;
      throw new ReviewInstructError(
        "ledger_unwritable",
        `cannot write to ${name}: ${String(cause)}. Free some space, then resume`,
        { file: name },
        { cause },
      );
    }
    held = next;
    unwritten.clear();
  }

  /** Whether the last line still covers everything that this model may have been charged since. */
  function isCovered(model: string): boolean {
    const { inputTokens, outputTokens } = held?.get(model) ?? noTokens;
    const since = unwritten.get(model);
    const most = addTokens(inFlight.get(model) ?? noTokens, since ? chargedTokens(since) : noTokens);
    return most.inputTokens <= inputTokens && most.outputTokens <= outputTokens;
  }

  /** A failure to write is told by the next call that needs a line, or on closing; nothing is lost until then. */
  function tryToWrite(): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof ReviewInstructError)) throw error;
    }
  }

  function settle(model: string, worst: Tokens, entry?: Partial<ModelAccount>): void {
    inFlight.set(model, addTokens(inFlight.get(model) ?? noTokens, worst, -1));
    if (entry) enter(model, entry);
    if (closed) return;
    // An endpoint counted more than the worst case: that must not wait.
    if (!isCovered(model)) tryToWrite();
    else timer ??= setTimeout(tryToWrite, flushEveryMs).unref();
  }

  return {
    accounts,
    inFlight,
    begin(model, worst, calls) {
      if (closed) throw new RangeError("the ledger is closed");
      const before = inFlight.get(model) ?? noTokens;
      inFlight.set(model, addTokens(before, worst));
      if (!isCovered(model)) {
        ahead.set(model, { inputTokens: calls * worst.inputTokens, outputTokens: calls * worst.outputTokens });
        try {
          write();
        } catch (error) {
          inFlight.set(model, before);
          throw error;
        }
      }
      return {
        replied: (usage) => settle(model, worst, counted(usage, worst)),
        released: () => settle(model, worst),
        uncertain: () => settle(model, worst, { uncertainCalls: 1, ...assumed(worst) }),
      };
    },
    close() {
      if (closed) return;
      ahead.clear();
      if (unwritten.size > 0 || held?.size !== 0) write();
      closed = true;
      storage.close();
    },
  };
}

function assumed({ inputTokens, outputTokens }: Tokens): Partial<ModelAccount> {
  return { assumedInputTokens: inputTokens, assumedOutputTokens: outputTokens };
}

function counted(usage: PricedUsage, worst: Tokens): Partial<ModelAccount> {
  const input = toCount(usage.inputTokens);
  const output = toCount(usage.outputTokens);
  return {
    calls: 1,
    estimatedCalls: input === null || output === null ? 1 : 0,
    inputTokens: input ?? 0,
    cachedInputTokens: Math.min(toCount(usage.cachedInputTokens) ?? 0, input ?? 0),
    outputTokens: output ?? 0,
    ...assumed({ inputTokens: input === null ? worst.inputTokens : 0, outputTokens: output === null ? worst.outputTokens : 0 }),
  };
}

/** A number of tokens, or null for anything that is none: the figure comes from a server. */
function toCount(value: number | null | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
