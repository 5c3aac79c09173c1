/** How long one response took. */
export interface ResponseTiming {
  /** Kind of caller. Responses are compared within a kind, as reviews and answers differ in length and prompt. */
  readonly kind: string;
  readonly latencyMs: number;
  readonly outputTokens: number;
}

/** Fixed time per call (connection, reading the prompt), in output tokens. Without it short responses would look slow per token. */
const fixedTokens = 16;
/** Delay that this machine or the network may add to a call. Less than this is no sign of a slower endpoint. */
const slackMs = 100;
/** Fewer responses of a kind say nothing about its latency. */
const minResponses = 8;
/** How far a baseline moves towards a window's latency. */
const smoothingFactor = 0.25;

/** Latency of one kind of caller. */
interface KindBaseline {
  /** Milliseconds per token without congestion; null until it is known. */
  msPerToken: number | null;
  /** Maximum number of calls in flight at which it was that fast. */
  measuredAtConcurrency: number;
  /** Sums of the current window. */
  latencyMs: number;
  tokens: number;
  responses: number;
}

/**
 * Compares an endpoint's latency with its own past: what a window of responses took, divided by what responses of the same
 * kinds and lengths usually take, plus some slack.
 *
 * A baseline remembers at how many calls in flight it was measured. It falls whenever responses are faster. It rises only
 * while no more calls are in flight than that, since then the endpoint has changed. With more calls in flight this client may
 * cause the slowness itself, and a rising baseline would allow ever more congestion.
 */
export class LatencyBaseline {
  readonly #baselines = new Map<string, KindBaseline>();
  #observedMs = 0;
  #expectedMs = 0;

  add({ kind, latencyMs, outputTokens }: ResponseTiming): void {
    const baseline = this.#baselines.get(kind) ?? { msPerToken: null, measuredAtConcurrency: 0, latencyMs: 0, tokens: 0, responses: 0 };
    this.#baselines.set(kind, baseline);
    const tokens = outputTokens + fixedTokens;
    baseline.latencyMs += latencyMs;
    baseline.tokens += tokens;
    baseline.responses++;
    if (baseline.msPerToken === null) return;
    this.#observedMs += latencyMs;
    this.#expectedMs += baseline.msPerToken * tokens + slackMs;
  }

  /** Returns observed divided by expected latency in this window, or 1 if there is nothing to compare with yet. */
  getRatio(): number {
    return this.#expectedMs > 0 ? this.#observedMs / this.#expectedMs : 1;
  }

  /**
   * Ends a window and moves the baselines.
   *
   * @param inFlight Number of calls in flight during the window.
   * @param mayRise False to move baselines only down.
   */
  endWindow(inFlight: number, mayRise: boolean): void {
    for (const baseline of this.#baselines.values()) if (baseline.responses >= minResponses) updateBaseline(baseline, inFlight, mayRise);
    this.#observedMs = this.#expectedMs = 0;
  }

  /** Drops what the window has seen so far, as it was sent under other conditions. */
  dropWindow(): void {
    for (const baseline of this.#baselines.values()) baseline.latencyMs = baseline.tokens = baseline.responses = 0;
    this.#observedMs = this.#expectedMs = 0;
  }

  /** Accepts `ratio` times the usual latency as the new usual one, at this number of calls in flight. */
  reset(ratio: number, inFlight: number): void {
    for (const baseline of this.#baselines.values()) {
      if (baseline.msPerToken !== null) baseline.msPerToken *= ratio;
      baseline.measuredAtConcurrency = inFlight;
    }
  }

  /** Prevents baselines from rising until calls are as fast as before. */
  lock(): void {
    for (const baseline of this.#baselines.values()) baseline.measuredAtConcurrency = 0;
  }
}

function updateBaseline(baseline: KindBaseline, inFlight: number, mayRise: boolean): void {
  const current = baseline.latencyMs / baseline.tokens;
  const previous = baseline.msPerToken ?? current;
  const isFaster = current <= previous;
  if (isFaster) baseline.measuredAtConcurrency = Math.max(baseline.measuredAtConcurrency, inFlight);
  if (isFaster || (mayRise && inFlight <= baseline.measuredAtConcurrency)) baseline.msPerToken = previous + (current - previous) * smoothingFactor;
  baseline.latencyMs = baseline.tokens = baseline.responses = 0;
}
