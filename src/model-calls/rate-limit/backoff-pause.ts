const maxBackoffMs = 60_000;
/** Short at first, for a refusal that is over at once; six in a row outlast an endpoint that counts by the minute. */
const growth = 4;

/** When a lane may send again after its endpoint asked for patience. Times are milliseconds on one monotonic clock. */
export class BackoffPause {
  #until = -Infinity;
  #backoffCount = 0;
  #guessedAt = -Infinity;

  /** `firstMs`: length of the first pause where the endpoint names none. */
  constructor(private readonly firstMs: number) {}

  getWaitMs(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /** The endpoint named a time, e.g. with Retry-After. Pauses never get shorter. */
  setRetryAfter(milliseconds: number, now: number): void {
    this.#until = Math.max(this.#until, now + milliseconds);
  }

  /** The endpoint refused a call sent at `startedAt` and named no time. Many refusals of one round trip are one. */
  onRateLimited(startedAt: number, now: number): void {
    if (startedAt < this.#guessedAt) return;
    this.#guessedAt = now;
    this.setRetryAfter(Math.min(this.firstMs * growth ** this.#backoffCount++, maxBackoffMs), now);
  }

  /** A call sent at `startedAt` was answered: once one from after the pause is, the next pause starts small again. */
  answered(startedAt: number): void {
    if (startedAt >= this.#until) this.#backoffCount = 0;
  }
}
