/**
 * One minute plus one second. The endpoint counts arrivals, and requests that are sent 60 s apart may arrive closer together.
 */
const windowMs = 61_000;

interface Entry {
  readonly at: number;
  tokens: number;
  expired: boolean;
}

/** Tracks the requests and tokens sent within the last minute, against their limits. Times are milliseconds on one monotonic clock. */
export class SlidingWindow {
  readonly #entries: Entry[] = [];
  readonly #rpm: number;
  readonly #tpm: number;
  #tokens = 0;

  constructor({ rpm = Infinity, tpm = Infinity }: { readonly rpm?: number; readonly tpm?: number }) {
    this.#rpm = rpm;
    this.#tpm = tpm;
  }

  /** Returns how long a request of this size must wait. A request above `tpm` waits until the window is empty. */
  getWaitMs(tokens: number, now: number): number {
    this.#expire(now);
    const blockingRequest = this.#entries.at(-this.#rpm);
    const requestWaitMs = this.#entries.length >= this.#rpm && blockingRequest ? blockingRequest.at + windowMs - now : 0;
    let tokensInWindow = this.#tokens;
    let tokenWaitMs = 0;
    for (const entry of this.#entries) {
      if (tokensInWindow + tokens <= this.#tpm) break;
      tokensInWindow -= entry.tokens;
      tokenWaitMs = entry.at + windowMs - now;
    }
    return Math.max(requestWaitMs, tokenWaitMs);
  }

  /**
   * Records a request that is sent now.
   *
   * @returns A function that corrects its tokens once they are known.
   */
  add(tokens: number, now: number): (actualTokens: number) => void {
    if (this.#rpm === Infinity && this.#tpm === Infinity) return () => undefined;
    const entry = { at: now, tokens, expired: false };
    this.#entries.push(entry);
    this.#tokens += tokens;
    return (actualTokens) => {
      if (!entry.expired) this.#tokens += actualTokens - entry.tokens;
      entry.tokens = actualTokens;
    };
  }

  #expire(now: number): void {
    const firstLive = this.#entries.findIndex((entry) => entry.at + windowMs > now);
    for (const entry of this.#entries.splice(0, firstLive === -1 ? this.#entries.length : firstLive)) {
      entry.expired = true;
      this.#tokens -= entry.tokens;
    }
  }
}
