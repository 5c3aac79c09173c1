/**
 * A minute, and a second on top: requests travel for different times, so those that leave 60 s apart may arrive closer
 * together, and it is the endpoint that counts.
 */
const windowMs = 61_000;

interface Entry {
  readonly at: number;
  tokens: number;
  expired: boolean;
}

/** What was sent within the last minute, against the most that may be. Times are milliseconds on one monotonic clock. */
export class SlidingWindow {
  readonly #entries: Entry[] = [];
  readonly #rpm: number;
  readonly #tpm: number;
  #tokens = 0;

  constructor({ rpm = Infinity, tpm = Infinity }: { readonly rpm?: number; readonly tpm?: number }) {
    this.#rpm = rpm;
    this.#tpm = tpm;
  }

  /** How long a request of so many tokens must wait. One that is larger than the whole minute's tokens goes alone. */
  getWaitMs(tokens: number, now: number): number {
    this.#expire(now);
    const requestToLeave = this.#entries.at(-this.#rpm);
    const forRequests = this.#entries.length >= this.#rpm && requestToLeave ? requestToLeave.at + windowMs - now : 0;
    let kept = this.#tokens;
    let forTokens = 0;
    for (const entry of this.#entries) {
      if (kept + tokens <= this.#tpm) break;
      kept -= entry.tokens;
      forTokens = entry.at + windowMs - now;
    }
    return Math.max(forRequests, forTokens);
  }

  /** Counts a request that leaves now. Returns how to correct its tokens once they are known. */
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
    const live = this.#entries.findIndex((entry) => entry.at + windowMs > now);
    for (const entry of this.#entries.splice(0, live === -1 ? this.#entries.length : live)) {
      entry.expired = true;
      this.#tokens -= entry.tokens;
    }
  }
}
