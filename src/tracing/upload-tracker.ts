/** What one upload holds. */
export interface Batch {
  readonly traces: ReadonlySet<string>;
  readonly ratings: number;
}

/** Where a trace stands that has not ended, or of which something is still on its way. */
interface TraceStatus {
  isLost: boolean;
  hasEnded: boolean;
  /** Batches, the waiting one included, that hold something of it. */
  batches: number;
}

/** Most that waits to be sent, in characters. As much again is held while an upload is under way. */
const maxWaitingChars = 16 * 1024 * 1024;

/** Keeps account of what waits to be sent, and of what did not arrive. */
export class UploadTracker {
  /** Traces that lack at least one of their runs, each counted once. */
  lostTraces = 0;
  lostRatings = 0;
  readonly #accounts = new Map<string, TraceStatus>();
  #traces = new Set<string>();
  #ratings = 0;
  #size = 0;

  get isWaiting(): boolean {
    return this.#traces.size > 0 || this.#ratings > 0;
  }

  /** Makes room for so many characters; false where that would be too much to hold. A single run of any size is admitted. */
  reserve(size: number): boolean {
    if (this.#size > 0 && this.#size + size > maxWaitingChars) return false;
    this.#size += size;
    return true;
  }

  /** Something of a trace waits to be sent. */
  add(traceId: string, ended: boolean): void {
    const account = this.#toUsage(traceId);
    account.hasEnded ||= ended;
    if (!this.#traces.has(traceId)) account.batches += 1;
    this.#traces.add(traceId);
  }

  addRating(): void {
    this.#ratings += 1;
  }

  /** Something of this trace will never arrive. */
  markLost(traceId: string, ended: boolean): void {
    const account = this.#toUsage(traceId);
    if (!account.isLost) this.lostTraces += 1;
    account.isLost = true;
    account.hasEnded ||= ended;
    this.#closeIfDone(traceId, account);
  }

  /** Everything that waits, which goes into one upload now. */
  takeBatch(): Batch {
    const batch = { traces: this.#traces, ratings: this.#ratings };
    this.#traces = new Set();
    this.#ratings = 0;
    this.#size = 0;
    return batch;
  }

  /** What became of an upload. */
  completeBatch({ traces, ratings }: Batch, arrived: boolean): void {
    if (!arrived) this.lostRatings += ratings;
    for (const traceId of traces) {
      const account = this.#toUsage(traceId);
      account.batches -= 1;
      if (!arrived) this.markLost(traceId, false);
      else this.#closeIfDone(traceId, account);
    }
  }

  #toUsage(traceId: string): TraceStatus {
    const account = this.#accounts.get(traceId) ?? { isLost: false, hasEnded: false, batches: 0 };
    this.#accounts.set(traceId, account);
    return account;
  }

  #closeIfDone(traceId: string, { hasEnded, batches }: TraceStatus): void {
    if (hasEnded && batches === 0) this.#accounts.delete(traceId);
  }
}
