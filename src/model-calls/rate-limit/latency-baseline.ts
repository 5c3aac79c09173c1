/** One reply, as far as its speed goes. */
export interface ReplyTiming {
  /** Replies are compared within a kind: a review has another length and prompt than an answer. */
  readonly kind: string;
  readonly latencyMs: number;
  readonly outputTokens: number;
}

/**
 * What every call costs beside writing (connection, reading the prompt), in the time of so many output tokens. Without
 * it, short replies would look slow a token.
 */
const fixedTokens = 16;
/** What a busy machine of ours, or the way there, may add to a call: less than this is no sign of a slower endpoint. */
const slackMs = 100;
/** Fewer replies of a kind say nothing about its pace. */
const enoughReplies = 8;
/** Share of the way that a baseline moves to a window's pace. */
const smoothingFactor = 0.25;

interface RoleBaseline {
  /** Milliseconds a token when the endpoint is at ease. */
  baseline: number | null;
  /** Most calls in flight at which it was that fast. */
  measuredAtConcurrency: number;
  latencyMs: number;
  tokens: number;
  replies: number;
}

/**
 * Compares a lane's latency with its own past, like with like: what a window of replies took, over what the same kinds and
 * lengths of reply usually take (and a little slack).
 *
 * A kind's baseline remembers with how many calls in flight it held. It moves down whenever replies are faster. It moves up
 * only while no more calls are in flight than that, for then the endpoint has changed; with more of them the slowness may
 * be our own doing, and a baseline that followed it would let us crowd the endpoint ever more.
 */
export class LatencyBaseline {
  readonly #paces = new Map<string, RoleBaseline>();
  #observedMs = 0;
  #expectedMs = 0;

  add({ kind, latencyMs, outputTokens }: ReplyTiming): void {
    const pace = this.#paces.get(kind) ?? { baseline: null, measuredAtConcurrency: 0, latencyMs: 0, tokens: 0, replies: 0 };
    this.#paces.set(kind, pace);
    const tokens = outputTokens + fixedTokens;
    pace.latencyMs += latencyMs;
    pace.tokens += tokens;
    pace.replies++;
    if (pace.baseline === null) return;
    this.#observedMs += latencyMs;
    this.#expectedMs += pace.baseline * tokens + slackMs;
  }

  /** Observed over expected latency in this window; 1 where there is nothing to compare with yet. */
  ratio(): number {
    return this.#expectedMs > 0 ? this.#observedMs / this.#expectedMs : 1;
  }

  /** Ends a window with so many calls in flight, and moves the baselines; upwards only if `mayRise`. */
  endWindow(inFlight: number, mayRise: boolean): void {
    for (const pace of this.#paces.values()) if (pace.replies >= enoughReplies) updateBaseline(pace, inFlight, mayRise);
    this.#observedMs = this.#expectedMs = 0;
  }

  /** Drops what the window has seen so far: it was sent under other conditions. */
  dropWindow(): void {
    for (const pace of this.#paces.values()) pace.latencyMs = pace.tokens = pace.replies = 0;
    this.#observedMs = this.#expectedMs = 0;
  }

  /** It is not our doing: what is now `ratio` times the usual latency becomes the usual one, with so many calls in flight. */
  reset(ratio: number, inFlight: number): void {
    for (const pace of this.#paces.values()) {
      if (pace.baseline !== null) pace.baseline *= ratio;
      pace.measuredAtConcurrency = inFlight;
    }
  }

  /** It is our doing: no baseline rises until calls are as fast as that again. */
  lock(): void {
    for (const pace of this.#paces.values()) pace.measuredAtConcurrency = 0;
  }
}

function updateBaseline(pace: RoleBaseline, inFlight: number, mayRise: boolean): void {
  const present = pace.latencyMs / pace.tokens;
  const baseline = pace.baseline ?? present;
  if (present <= baseline) pace.measuredAtConcurrency = Math.max(pace.measuredAtConcurrency, inFlight);
  if (present <= baseline || (mayRise && inFlight <= pace.measuredAtConcurrency)) pace.baseline = baseline + (present - baseline) * smoothingFactor;
  pace.latencyMs = pace.tokens = pace.replies = 0;
}
