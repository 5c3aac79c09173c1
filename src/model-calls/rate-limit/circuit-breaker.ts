import type { AttemptError } from "../attempt/attempt-error.js";
import type { RateLimitSettings } from "./rate-limit-settings.js";
import { wasNeverSent } from "../attempt/request-sent.js";

export type CircuitState = "open" | "half-open" | "closed";

/** What the circuit knows of the outage that it reports. */
export interface Outage {
  /** When the circuit opened. Stays the same while it probes, and when it closes at last. */
  readonly since: Date;
  readonly lastError: AttemptError;
}

/** Goes with one attempt, from its dispatch to its end. */
export interface Attempt {
  readonly probe: boolean;
  /** How many outages there had been when the attempt left. */
  readonly outages: number;
}

type Limits = Pick<RateLimitSettings, "failureThreshold" | "perCallFailureThreshold" | "halfOpenAfterMs" | "maxHalfOpenAfterMs" | "giveUpAfterMs">;

/**
 * A lane's circuit breaker. Opens after so many failures in a row, or sooner when one call alone cannot reach the endpoint
 * time and again: with few calls under way its retries would be spent before the row is long enough. While it is open it
 * lets one attempt through at growing intervals, and closes when one of those is answered.
 *
 * A failure that opens the circuit, a probe's, and one of an attempt that left before an outage and ends during or after it,
 * say nothing about their calls: they are to be tried `again`. Times are milliseconds on one monotonic clock.
 */
export class CircuitBreaker {
  #state: CircuitState = "closed";
  #outages = 0;
  #outage: Outage | null = null;
  #consecutiveFailures = 0;
  readonly #failuresByCall = new Map<object, number>();
  #openedAt = 0;
  #probeAt = 0;
  #interval = 0;

  constructor(
    private readonly limits: Limits,
    private readonly onChange: (state: CircuitState, outage: Outage) => void,
  ) {}

  get state(): CircuitState {
    return this.#state;
  }

  /** How long the next attempt must wait before it looks again; 0 when it may leave at once, be it as a probe. */
  getWaitMs(now: number): number {
    if (this.#state === "closed") return 0;
    const untilProbe = this.#state === "open" ? Math.max(0, this.#probeAt - now) : Infinity;
    const untilGivenUp = this.#openedAt + this.limits.giveUpAfterMs - now;
    return untilGivenUp > 0 ? Math.min(untilProbe, untilGivenUp) : untilProbe;
  }

  /** The outage, once it has lasted too long. Later attempts may still probe when their time comes: an endpoint may return. */
  getExpiredOutage(now: number): Outage | null {
    return this.#state !== "closed" && now >= this.#openedAt + this.limits.giveUpAfterMs ? this.#outage : null;
  }

  /** An attempt leaves, `waitFor` being 0. */
  onDispatch(): Attempt {
    const probe = this.#state !== "closed";
    if (probe) this.#change("half-open");
    return { probe, outages: this.#outages };
  }

  /** The endpoint answered, if only to refuse: it is there. */
  onSuccess(pass: Attempt): void {
    if (pass.outages !== this.#outages) return;
    this.#consecutiveFailures = 0;
    this.#failuresByCall.clear();
    if (pass.probe) this.#change("closed");
  }

  /** The endpoint did not answer. `call` is the same object for every attempt at one call. Returns whether to try it again. */
  onFailure(pass: Attempt, call: object, error: AttemptError, now: number): "again" | "counted" {
    if (pass.probe) {
      this.#interval = Math.min(this.#interval * 2, this.limits.maxHalfOpenAfterMs);
      this.#open(error, now);
      return "again";
    }
    if (pass.outages !== this.#outages) return "again";
    const ofCall = (this.#failuresByCall.get(call) ?? 0) + (isUnreachable(error) ? 1 : 0);
    this.#failuresByCall.set(call, ofCall);
    if (++this.#consecutiveFailures < this.limits.failureThreshold && ofCall < this.limits.perCallFailureThreshold) return "counted";
    this.#consecutiveFailures = 0;
    this.#failuresByCall.clear();
    this.#outages++;
    this.#openedAt = now;
    this.#interval = this.limits.halfOpenAfterMs;
    this.#outage = null;
    this.#open(error, now);
    return "again";
  }

  /** The attempt ended with no word on the endpoint, e.g. it was aborted. The next one probes in its place. */
  onCancelled(pass: Attempt): void {
    if (pass.probe && this.#state === "half-open") this.#change("open");
  }

  #open(error: AttemptError, now: number): void {
    this.#outage = { since: this.#outage?.since ?? new Date(), lastError: error };
    this.#probeAt = now + this.#interval;
    this.#change("open");
  }

  #change(state: CircuitState): void {
    this.#state = state;
    if (this.#outage) this.onChange(state, this.#outage);
  }
}

const gatewayStatuses = new Set([502, 503, 504]);

/** Whether the request got no further than the endpoint's door. Other failures of one call may be that call's own doing. */
function isUnreachable(error: AttemptError): boolean {
  const { status } = error.detail;
  if (status !== undefined) return gatewayStatuses.has(status);
  return error.detail.requestNotSent === true || wasNeverSent(error);
}
