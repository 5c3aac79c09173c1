import { LatencyBaseline, type ResponseTiming } from "./latency-baseline.js";

/** Minimum number of responses by which latency is judged. */
const minWindowSize = 8;
/**
 * Up to this ratio latency is steady: an endpoint that batches calls gives 64 of them more throughput than 8, even at twice
 * the latency.
 */
const steadyRatio = 2;
/** Above this ratio calls mostly wait for each other. */
const congestedRatio = 3;
/** From this latency on a server may have few slots. Growth then waits until a window shows that it helps. */
const slowMs = 1_000;
/** Up to this ratio twice as many calls in flight bring clearly more throughput. */
const gainRatio = 1.5;
/** Round trips of a window that decides about a doubling: in the first one calls still find slots that became free. */
const decidingRoundTrips = 2;
/** One slow window may be chance, or over before a cut could help. */
const slowWindowsBeforeCut = 2;
/** A cut after which this share of the slowness remains did not help. */
const ineffectiveCutRatio = 0.75;

/** The state before a cut for latency. */
interface LatencyCut {
  readonly limit: number;
  readonly ratio: number;
}

/**
 * Limits the number of calls in flight by additive increase and multiplicative decrease, as in TCP (RFC 5681).
 *
 * The limit doubles each round trip until the first sign of congestion (slow start), then grows by one per round trip while
 * latency is steady. Where responses take seconds, each doubling waits for a whole window at the limit before, and is undone if
 * the window after it shows that calls only wait for each other: then the server has no more slots. It halves when calls are rate-limited or latency has clearly risen, at most once per round trip: calls
 * sent before a cut do not count after it. A cut for latency that does not help is undone and the new latency becomes the
 * usual one: then other clients slow the endpoint down, and sending less would not help. Times are milliseconds on one
 * monotonic clock.
 */
export class AdaptiveConcurrency {
  readonly #latency = new LatencyBaseline();
  #limit: number;
  #slowStart = true;
  /** The limit before the last doubling of a slow endpoint. */
  #limitBeforeDoubling: number | null = null;
  #isSlow = false;
  #isSaturated = false;
  #cutAt = -Infinity;
  #latencyCut: LatencyCut | null = null;
  #slowWindowCount = 0;
  #window = { inFlight: 0, responses: 0 };
  #responsesSinceGrowth = 0;

  constructor(
    private readonly initial: number,
    private readonly max: number,
  ) {
    this.#limit = Math.min(initial, max);
    this.#startWindow();
  }

  get value(): number {
    return this.#limit;
  }

  /**
   * Records a response to a call sent at `startedAt`.
   *
   * @param isSaturated True if enough calls are in flight for the limit to matter. Otherwise it does not grow.
   */
  onSuccess(timing: ResponseTiming & { readonly startedAt: number }, isSaturated: boolean, now: number): void {
    if (timing.startedAt < this.#cutAt) return;
    this.#latency.add(timing);
    this.#isSlow = timing.latencyMs >= slowMs;
    this.#isSaturated ||= isSaturated;
    this.#window.responses++;
    if (isSaturated && this.#mayGrow()) this.#grow();
    const roundTrips = this.#slowStart && this.#isSlow && this.#limitBeforeDoubling !== null ? decidingRoundTrips : 1;
    if (this.#window.responses >= Math.max(minWindowSize, roundTrips * this.#window.inFlight)) this.#endWindow(now);
  }

  /** Records a rejection (429) of a call sent at `startedAt`. */
  onRateLimited(startedAt: number, now: number): void {
    if (startedAt <= this.#cutAt) return;
    this.#latencyCut = null;
    this.#cut(now);
  }

  /** Starts again with few calls, e.g. after an outage, when the endpoint may have changed. */
  restart(now: number): void {
    this.#limit = Math.min(this.#limit, this.initial);
    this.#slowStart = true;
    this.#limitBeforeDoubling = null;
    this.#latencyCut = null;
    this.#resetWindow(now);
  }

  /** Returns true for each response of the slow start, and then once per round trip. */
  #mayGrow(): boolean {
    if (this.#slowStart) return !this.#isSlow;
    const maxRatio = this.#isSlow ? gainRatio : steadyRatio;
    return ++this.#responsesSinceGrowth >= this.#limit && !this.#latencyCut && this.#latency.getRatio() <= maxRatio;
  }

  #endWindow(now: number): void {
    const ratio = this.#latency.getRatio();
    this.#latency.endWindow(this.#window.inFlight, ratio <= congestedRatio);
    this.#slowWindowCount = ratio > congestedRatio ? this.#slowWindowCount + 1 : 0;
    if (this.#latencyCut) this.#evaluateCut(this.#latencyCut, ratio);
    else if (this.#slowWindowCount >= slowWindowsBeforeCut) this.#latencyCut = { limit: this.#limit, ratio };
    else if (ratio > steadyRatio && !(this.#isSlow && this.#limitBeforeDoubling !== null)) this.#slowStart = false;
    if (this.#slowWindowCount >= slowWindowsBeforeCut) this.#cut(now);
    else if (this.#slowStart && this.#isSlow && this.#isSaturated) this.#evaluateDoubling(ratio, now);
    else this.#startWindow();
  }

  /** Doubles the limit of a slow endpoint, or undoes the last doubling if it brought no throughput. */
  #evaluateDoubling(ratio: number, now: number): void {
    const before = this.#limitBeforeDoubling;
    if (before !== null && ratio > gainRatio) {
      this.#limit = before;
      this.#slowStart = false;
      this.#latency.lock();
    } else if (this.#limit < this.max) {
      this.#limitBeforeDoubling = this.#limit;
      this.#limit = Math.min(this.max, this.#limit * 2);
    } else {
      this.#slowStart = false;
      this.#startWindow();
      return;
    }
    this.#resetWindow(now);
  }

  /** Decides by the first window after a cut whether it helped. */
  #evaluateCut(before: LatencyCut, ratio: number): void {
    this.#latencyCut = null;
    if (ratio < before.ratio * ineffectiveCutRatio) {
      this.#latency.lock();
    } else {
      this.#latency.reset(ratio, before.limit);
      this.#limit = before.limit;
      this.#slowWindowCount = 0;
    }
  }

  #grow(): void {
    this.#limit = Math.min(this.max, this.#limit + 1);
    this.#responsesSinceGrowth = 0;
  }

  #cut(now: number): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#slowStart = false;
    this.#resetWindow(now);
  }

  #resetWindow(now: number): void {
    this.#cutAt = now;
    this.#slowWindowCount = 0;
    this.#responsesSinceGrowth = 0;
    this.#latency.dropWindow();
    this.#startWindow();
  }

  #startWindow(): void {
    this.#window = { inFlight: this.#limit, responses: 0 };
    this.#isSaturated = false;
  }
}
