import { LatencyBaseline, type ReplyTiming } from "./latency-baseline.js";

/** The fewest replies that latency is judged by. */
const minWindowSize = 8;
/**
 * Up to twice the usual latency it holds: an endpoint that works on calls together gives 64 of them more per second than 8
 * even so. From three times on it rises clearly: more calls then mostly wait for each other.
 */
const steadyRatio = 2;
const congestedRatio = 3;
/** One slow window may be chance, or a hiccup that is over before we could react. */
const slowWindowsBeforeCut = 2;
/** A cut that leaves this share of the slowness or more has not helped. */
const ineffectiveCutRatio = 0.75;

/** What was before a cut. */
interface LatencyCut {
  readonly limit: number;
  readonly ratio: number;
}

/**
 * How many calls a lane may have in flight: additive increase, multiplicative decrease, as in TCP (RFC 5681). Doubles each
 * round trip until the first sign of trouble (slow start), then grows by one a round trip while latency holds. Halves
 * when calls are refused and when latency has clearly risen, at most once a round trip: what was sent before a cut does not
 * count after it. A cut for latency that brings no relief is taken back, and the new latency taken as usual: then others
 * slow the endpoint down, and sending less would only lose our share. Times are milliseconds on one monotonic clock.
 */
export class AdaptiveConcurrency {
  readonly #latency = new LatencyBaseline();
  #limit: number;
  #slowStart = true;
  #cutAt = -Infinity;
  #cutForLatency: LatencyCut | null = null;
  #slowWindows = 0;
  #window = { inFlight: 0, replies: 0 };
  #sinceGrowth = 0;

  constructor(
    private readonly initial: number,
    private readonly max: number,
  ) {
    this.#limit = Math.min(initial, max);
    this.#openWindow();
  }

  get value(): number {
    return this.#limit;
  }

  /** A call sent at `startedAt` was answered. `wanted`: enough calls are in flight for the limit to matter; else it stays. */
  onSuccess(reply: ReplyTiming & { readonly startedAt: number }, wanted: boolean, now: number): void {
    if (reply.startedAt < this.#cutAt) return;
    this.#latency.add(reply);
    this.#window.replies++;
    if (wanted && this.#mayGrow()) this.#grow();
    if (this.#window.replies >= Math.max(minWindowSize, this.#window.inFlight)) this.#endWindow(now);
  }

  /** A call sent at `startedAt` was refused because there are too many (429). */
  onRateLimited(startedAt: number, now: number): void {
    if (startedAt < this.#cutAt) return;
    this.#cutForLatency = null;
    this.#cut(now);
  }

  /** Starts over carefully, e.g. after an outage: the endpoint may be another one now. */
  restart(now: number): void {
    this.#limit = Math.min(this.#limit, this.initial);
    this.#slowStart = true;
    this.#cutForLatency = null;
    this.#resetWindow(now);
  }

  /** Each reply of the slow start, and then every round trip. */
  #mayGrow(): boolean {
    if (this.#slowStart) return true;
    return ++this.#sinceGrowth >= this.#limit && !this.#cutForLatency && this.#latency.ratio() <= steadyRatio;
  }

  #endWindow(now: number): void {
    const ratio = this.#latency.ratio();
    this.#latency.endWindow(this.#window.inFlight, ratio <= congestedRatio);
    this.#slowWindows = ratio > congestedRatio ? this.#slowWindows + 1 : 0;
    if (this.#cutForLatency) this.#judgeCut(this.#cutForLatency, ratio);
    else if (this.#slowWindows >= slowWindowsBeforeCut) this.#cutForLatency = { limit: this.#limit, ratio };
    else if (ratio > steadyRatio) this.#slowStart = false;
    if (this.#slowWindows >= slowWindowsBeforeCut) this.#cut(now);
    else this.#openWindow();
  }

  /** Whether a cut has helped, from the first window after it. */
  #judgeCut(earlier: LatencyCut, ratio: number): void {
    this.#cutForLatency = null;
    if (ratio < earlier.ratio * ineffectiveCutRatio) {
      this.#latency.lock();
    } else {
      this.#latency.reset(ratio, earlier.limit);
      this.#limit = earlier.limit;
      this.#slowWindows = 0;
    }
  }

  #grow(): void {
    this.#limit = Math.min(this.max, this.#limit + 1);
    this.#sinceGrowth = 0;
  }

  #cut(now: number): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#slowStart = false;
    this.#resetWindow(now);
  }

  #resetWindow(now: number): void {
    this.#cutAt = now;
    this.#slowWindows = 0;
    this.#sinceGrowth = 0;
    this.#latency.dropWindow();
    this.#openWindow();
  }

  #openWindow(): void {
    this.#window = { inFlight: this.#limit, replies: 0 };
  }
}
