/** What an upload holds. */
export interface Batch {
  /** Traces with runs in it, and whether their end is among them. */
  readonly traces: ReadonlyMap<string, boolean>;
  readonly ratings: number;
}

/** Most that waits to be sent, in characters. As much again is held while an upload is under way. */
const mostWaiting = 16 * 1024 * 1024;

/** Keeps account of what waits to be sent, and of what did not arrive. */
export class TraceLedger {
  /** Traces that lack at least one of their runs, each counted once. */
  lostTraces = 0;
  lostRatings = 0;
  #traces = new Map<string, boolean>();
  #ratings = 0;
  #size = 0;
  /** Traces that were counted and have not ended yet. */
  readonly #lost = new Set<string>();

  get isWaiting(): boolean {
    return this.#traces.size > 0 || this.#ratings > 0;
  }

  /** Whether this much more would be too much to hold. */
  isFull(size: number): boolean {
    return this.#size > 0 && this.#size + size > mostWaiting;
  }

  /** Something of a trace waits to be sent. */
  add(traceId: string, size: number, ended: boolean): void {
    this.#size += size;
    this.#traces.set(traceId, ended || this.#traces.get(traceId) === true);
  }

  addRating(): void {
    this.#ratings += 1;
  }

  /** Something of this trace will never arrive. */
  lose(traceId: string, ended: boolean): void {
    if (!this.#lost.has(traceId)) this.lostTraces += 1;
    if (ended) this.#lost.delete(traceId);
    else this.#lost.add(traceId);
  }

  /** Everything that waits, which goes into one upload now. */
  take(): Batch {
    const batch = { traces: this.#traces, ratings: this.#ratings };
    this.#traces = new Map();
    this.#ratings = 0;
    this.#size = 0;
    return batch;
  }

  /** What became of an upload. */
  settle({ traces, ratings }: Batch, arrived: boolean): void {
    if (!arrived) this.lostRatings += ratings;
    for (const [traceId, ended] of traces) {
      if (!arrived) this.lose(traceId, ended);
      else if (ended) this.#lost.delete(traceId);
    }
  }
}
