const maxBackoffMs = 60_000;
/** Pauses start short, for a rejection that ends at once. Six in a row are longer than an endpoint's window of a minute. */
const backoffFactor = 4;

/** Tracks until when no call may be sent, because the endpoint asked to wait. Times are milliseconds on one monotonic clock. */
export class BackoffPause {
  #until = -Infinity;
  #backoffCount = 0;
  #lastBackoffAt = -Infinity;

  /** @param firstMs Length of the first pause if the endpoint names none. */
  constructor(private readonly firstMs: number) {}

  getWaitMs(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /** Records how long the endpoint asked to wait, e.g. with Retry-After. A pause never gets shorter. */
  setRetryAfter(milliseconds: number, now: number): void {
    this.#until = Math.max(this.#until, now + milliseconds);
  }

  /** Records a rejection without Retry-After of a call sent at `startedAt`. Rejections within one round trip count once. */
  onRateLimited(startedAt: number, now: number): void {
    if (startedAt <= this.#lastBackoffAt) return;
    this.#lastBackoffAt = now;
    this.setRetryAfter(Math.min(this.firstMs * backoffFactor ** this.#backoffCount++, maxBackoffMs), now);
  }

  /** Records a response to a call sent at `startedAt`. If that was after the pause, the next pause is short again. */
  onSuccess(startedAt: number): void {
    if (startedAt >= this.#until) this.#backoffCount = 0;
  }
}
