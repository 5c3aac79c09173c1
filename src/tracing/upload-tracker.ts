/** The content of one upload. */
export interface Batch {
  readonly traces: ReadonlySet<string>;
  /** Number of feedback entries. */
  readonly feedback: number;
}

/** Status of a trace that has not ended, or that is not uploaded completely. */
interface TraceStatus {
  isLost: boolean;
  hasEnded: boolean;
  /** Number of batches that hold a part of the trace, including the next one. */
  batches: number;
}

/** Maximum size of the next batch, in characters. A batch that is being uploaded may need as much again. */
const maxWaitingChars = 16 * 1024 * 1024;

/** Tracks what waits for the next upload, and counts what was lost. */
export class UploadTracker {
  /** Traces that lack at least one run, each counted once. */
  lostTraces = 0;
  lostFeedback = 0;
  readonly #statuses = new Map<string, TraceStatus>();
  #traces = new Set<string>();
  #feedback = 0;
  #size = 0;

  get isWaiting(): boolean {
    return this.#traces.size > 0 || this.#feedback > 0;
  }

  /**
   * Reserves memory for a run.
   *
   * @param size Length of the run in characters. A single run of any size is accepted.
   * @returns False if the next batch would become too large.
   */
  reserve(size: number): boolean {
    if (this.#size > 0 && this.#size + size > maxWaitingChars) return false;
    this.#size += size;
    return true;
  }

  /**
   * Adds a run of a trace to the next batch.
   *
   * @param hasEnded True if the whole trace has ended.
   */
  addRun(traceId: string, hasEnded: boolean): void {
    const status = this.#getStatus(traceId);
    status.hasEnded ||= hasEnded;
    if (!this.#traces.has(traceId)) status.batches += 1;
    this.#traces.add(traceId);
  }

  /** Adds a feedback entry to the next batch. */
  addFeedback(): void {
    this.#feedback += 1;
  }

  /** Counts a trace as lost, since one of its runs was dropped. */
  markLost(traceId: string, hasEnded: boolean): void {
    const status = this.#getStatus(traceId);
    if (!status.isLost) this.lostTraces += 1;
    status.isLost = true;
    status.hasEnded ||= hasEnded;
    this.#deleteIfComplete(traceId, status);
  }

  /** Returns the next batch and starts a new one. */
  takeBatch(): Batch {
    const batch = { traces: this.#traces, feedback: this.#feedback };
    this.#traces = new Set();
    this.#feedback = 0;
    this.#size = 0;
    return batch;
  }

  /** Records the result of an upload. */
  completeBatch({ traces, feedback }: Batch, succeeded: boolean): void {
    if (!succeeded) this.lostFeedback += feedback;
    for (const traceId of traces) {
      const status = this.#getStatus(traceId);
      status.batches -= 1;
      if (!succeeded) this.markLost(traceId, false);
      else this.#deleteIfComplete(traceId, status);
    }
  }

  #getStatus(traceId: string): TraceStatus {
    const status = this.#statuses.get(traceId) ?? { isLost: false, hasEnded: false, batches: 0 };
    this.#statuses.set(traceId, status);
    return status;
  }

  #deleteIfComplete(traceId: string, { hasEnded, batches }: TraceStatus): void {
    if (hasEnded && batches === 0) this.#statuses.delete(traceId);
  }
}
