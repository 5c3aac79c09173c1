import { ReviewInstructError } from "../../errors.js";
import {
  type UsageByModel,
  type Reservations,
  type ModelUsage,
  type Tokens,
  addUsage,
  addTokens,
  getChargedTokens,
  ledgerLine,
  zeroTokens,
  readLedgerLines,
} from "./usage-ledger-lines.js";
import type { PricedUsage } from "./prices.js";

/** A call that is on record as being in flight. Exactly one of its methods is to be called, once. None of them throws. */
export interface Reservation {
  /** A reply came. What its endpoint did not count is charged at the worst case. */
  commit(usage: PricedUsage): void;
  /** It failed and was surely not charged. */
  release(): void;
  /** It failed and may have been charged: stays charged at the worst case. */
  commitMax(): void;
}

/** The book of all model calls of an output folder, over all its runs. */
export interface UsageLedger {
  /** Everything settled so far, by model as the settings name it. */
  readonly usage: UsageByModel;
  /** Worst cases of the calls in flight, by model. */
  readonly inFlight: Reservations;
  /**
   * Puts a call on record before it goes out. `ahead` worst cases more are put on record with it wherever a line has to be
   * written, so that not every call writes one; a kill charges them too. Throws `ReviewInstructError` `usage_ledger_write_failed`.
   */
  reserve(model: string, worst: Tokens, ahead: number): Reservation;
  /** Writes what is left and lets go of the file. Throws like `begin`. */
  close(): void;
}

/** Where lines go. `append` returns once the line would survive a power cut. A line that failed may stand there in part or whole; the next takes its place. */
export interface UsageLedgerStorage {
  append(line: string): void;
  close(): void;
}

/** Longest time for which settled calls stay unwritten, in milliseconds. */
const flushEveryMs = 1000;

/** A ledger that forgets. */
export function createMemoryLedger(): UsageLedger {
  return createUsageLedger("", { append: () => undefined, close: () => undefined });
}

/** A ledger that goes on from `recorded`, the text of its lines so far, and writes to `storage`. */
export function createUsageLedger(recorded: string, storage: UsageLedgerStorage, name = "usage ledger"): UsageLedger {
  const { accounts, held: left } = readLedgerLines(recorded, name);
  /** Settled since the last line. */
  const unwritten = new Map<string, ModelUsage>();
  const inFlight = new Map<string, Tokens>();
  /** Room to begin calls without a line, as it was when the last line was written. */
  const ahead = new Map<string, Tokens>();
  /** What the last line holds. Null once a line failed: it may stand there whole all the same, so nothing may rely on either. */
  let held: Reservations | null = left;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  // What a killed process left in flight was perhaps charged.
  for (const [model, tokens] of left) enter(model, assumed(tokens));

  function enter(model: string, entry: Partial<ModelUsage>): void {
    addUsage(accounts, model, entry);
    addUsage(unwritten, model, entry);
  }

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    const next: Reservations = new Map([...inFlight].map(([model, tokens]) => [model, addTokens(tokens, ahead.get(model) ?? zeroTokens)]));
    try {
      storage.append(ledgerLine(unwritten, next));
    } catch (cause) {
      held = null;
      throw new ReviewInstructError(
        "usage_ledger_write_failed",
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
    const { inputTokens, outputTokens } = held?.get(model) ?? zeroTokens;
    const since = unwritten.get(model);
    const most = addTokens(inFlight.get(model) ?? zeroTokens, since ? getChargedTokens(since) : zeroTokens);
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

  function settle(model: string, worst: Tokens, entry?: Partial<ModelUsage>): void {
    inFlight.set(model, addTokens(inFlight.get(model) ?? zeroTokens, worst, -1));
    if (entry) enter(model, entry);
    if (closed) return;
    // An endpoint counted more than the worst case: that must not wait.
    if (!isCovered(model)) tryToWrite();
    else timer ??= setTimeout(tryToWrite, flushEveryMs).unref();
  }

  return {
    usage: accounts,
    inFlight,
    reserve(model, worst, calls) {
      if (closed) throw new RangeError("the ledger is closed");
      const before = inFlight.get(model) ?? zeroTokens;
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
        commit: (usage) => settle(model, worst, counted(usage, worst)),
        release: () => settle(model, worst),
        commitMax: () => settle(model, worst, { unconfirmedCalls: 1, ...assumed(worst) }),
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

function assumed({ inputTokens, outputTokens }: Tokens): Partial<ModelUsage> {
  return { uncountedInputTokens: inputTokens, uncountedOutputTokens: outputTokens };
}

function counted(usage: PricedUsage, worst: Tokens): Partial<ModelUsage> {
  const input = toCount(usage.inputTokens);
  const output = toCount(usage.outputTokens);
  return {
    calls: 1,
    unmeteredCalls: input === null || output === null ? 1 : 0,
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
