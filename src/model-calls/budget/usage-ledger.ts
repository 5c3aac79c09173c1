import { ReviewInstructError, getErrorMessage } from "../../errors.js";
import type { PricedUsage } from "./prices.js";
import {
  type ModelUsage,
  type Reservations,
  type Tokens,
  type UsageByModel,
  addTokens,
  addUsage,
  formatLedgerLine,
  getChargedTokens,
  parseLedgerLines,
  zeroTokens,
} from "./usage-ledger-lines.js";

/** The reservation of one call in flight. Call exactly one method, once. None of them throws. */
export interface Reservation {
  /** Records the usage of a response. Tokens that the endpoint did not count are charged at the maximum. */
  commit(usage: PricedUsage): void;
  /** Removes the reservation of a call that was certainly not charged. */
  release(): void;
  /** Charges the maximum for a failed call that may have been charged. */
  commitMax(): void;
}

/** The usage of all model calls of an output folder, over all its runs. */
export interface UsageLedger {
  /** Settled usage by model, as settings name it. */
  readonly usage: UsageByModel;
  /** Maximum usage of the calls in flight, by model. */
  readonly inFlight: Reservations;
  /**
   * Reserves the maximum usage of a call before it is sent.
   *
   * @param prereserved Number of further calls to reserve if a line has to be written, so that not every call writes one. A
   *   kill charges them too.
   * @throws {ReviewInstructError} `usage_ledger_write_failed` if the reservation cannot be written.
   */
  reserve(model: string, maxUsage: Tokens, prereserved: number): Reservation;
  /**
   * Writes what is unwritten and closes the file.
   *
   * @throws {ReviewInstructError} `usage_ledger_write_failed`. The ledger stays open then.
   */
  close(): void;
}

/** Where lines are written. */
export interface UsageLedgerStorage {
  /** Returns once the line would survive a power cut. After a failure the line may be on disk in part; the next one replaces it. */
  append(line: string): void;
  close(): void;
}

/** Longest time for which settled calls stay unwritten, in milliseconds. */
const maxUnwrittenMs = 1000;

/** Creates a ledger that is not stored. */
export function createMemoryLedger(): UsageLedger {
  return createUsageLedger("", { append: () => undefined, close: () => undefined });
}

/**
 * Creates a ledger on some storage.
 *
 * @param content The lines written so far.
 * @param name Names the ledger in errors.
 * @throws {InputError} If a line is damaged.
 */
export function createUsageLedger(content: string, storage: UsageLedgerStorage, name = "usage ledger"): UsageLedger {
  const { usage, reserved: abandoned } = parseLedgerLines(content, name);
  /** Settled since the last line. */
  const unwritten = new Map<string, ModelUsage>();
  const inFlight = new Map<string, Tokens>();
  /** Reserved for further calls by the last line. */
  const prereserved = new Map<string, Tokens>();
  /** Reservations recorded by the last line. Null after a failed write, as that line may or may not be on disk. */
  let reserved: Reservations | null = abandoned;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  // Calls that a killed process left in flight may have been charged.
  for (const [model, tokens] of abandoned) record(model, toUncounted(tokens));

  function record(model: string, entry: Partial<ModelUsage>): void {
    addUsage(usage, model, entry);
    addUsage(unwritten, model, entry);
  }

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    const next: Reservations = new Map([...inFlight].map(([model, tokens]) => [model, addTokens(tokens, prereserved.get(model) ?? zeroTokens)]));
    try {
      storage.append(formatLedgerLine(unwritten, next));
    } catch (cause) {
      reserved = null;
      const message = `cannot write to ${name}: ${getErrorMessage(cause)}. Free some space, then resume`;
      throw new ReviewInstructError("usage_ledger_write_failed", message, { file: name }, { cause });
    }
    reserved = next;
    unwritten.clear();
  }

  /** Returns true if the last line covers everything that this model may have been charged since. */
  function isCovered(model: string): boolean {
    const { inputTokens, outputTokens } = reserved?.get(model) ?? zeroTokens;
    const settled = unwritten.get(model);
    const needed = addTokens(inFlight.get(model) ?? zeroTokens, settled ? getChargedTokens(settled) : zeroTokens);
    return needed.inputTokens <= inputTokens && needed.outputTokens <= outputTokens;
  }

  /** Ignores a failure: the next call that needs a line, or `close`, reports it. Nothing is lost until then. */
  function tryWrite(): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof ReviewInstructError)) throw error;
    }
  }

  function settle(model: string, maxUsage: Tokens, entry?: Partial<ModelUsage>): void {
    inFlight.set(model, addTokens(inFlight.get(model) ?? zeroTokens, maxUsage, -1));
    if (entry) record(model, entry);
    if (closed) return;
    // An endpoint may count more than the maximum. That is written at once.
    if (!isCovered(model)) tryWrite();
    else timer ??= setTimeout(tryWrite, maxUnwrittenMs).unref();
  }

  return {
    usage,
    inFlight,
    reserve(model, maxUsage, furtherCalls) {
      if (closed) throw new RangeError("the ledger is closed");
      const before = inFlight.get(model) ?? zeroTokens;
      inFlight.set(model, addTokens(before, maxUsage));
      if (!isCovered(model)) {
        prereserved.set(model, { inputTokens: furtherCalls * maxUsage.inputTokens, outputTokens: furtherCalls * maxUsage.outputTokens });
        try {
          write();
        } catch (error) {
          inFlight.set(model, before);
          throw error;
        }
      }
      return {
        commit: (counted) => settle(model, maxUsage, toUsage(counted, maxUsage)),
        release: () => settle(model, maxUsage),
        commitMax: () => settle(model, maxUsage, { unconfirmedCalls: 1, ...toUncounted(maxUsage) }),
      };
    },
    close() {
      if (closed) return;
      prereserved.clear();
      if (unwritten.size > 0 || reserved?.size !== 0) write();
      closed = true;
      storage.close();
    },
  };
}

function toUncounted({ inputTokens, outputTokens }: Tokens): Partial<ModelUsage> {
  return { uncountedInputTokens: inputTokens, uncountedOutputTokens: outputTokens };
}

function toUsage(counted: PricedUsage, maxUsage: Tokens): Partial<ModelUsage> {
  const input = parseCount(counted.inputTokens);
  const output = parseCount(counted.outputTokens);
  return {
    calls: 1,
    unmeteredCalls: input === null || output === null ? 1 : 0,
    inputTokens: input ?? 0,
    cachedInputTokens: Math.min(parseCount(counted.cachedInputTokens) ?? 0, input ?? 0),
    outputTokens: output ?? 0,
    ...toUncounted({
      inputTokens: input === null ? maxUsage.inputTokens : 0,
      outputTokens: output === null ? maxUsage.outputTokens : 0,
    }),
  };
}

/** Returns null for anything that is not a number of tokens, since the value comes from a server. */
function parseCount(value: number | null | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
