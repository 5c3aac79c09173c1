import type { AttemptError } from "../attempt/attempt-error.js";
import type { RateLimitSettings } from "./rate-limit-settings.js";

export type CircuitState = "open" | "half-open" | "closed";

/** An outage of an endpoint. */
export interface Outage {
  /** When the circuit opened. Does not change until it closes. */
  readonly since: Date;
  readonly lastError: AttemptError;
}

/** Identifies one attempt from its dispatch to its end. */
export interface Attempt {
  readonly isProbe: boolean;
  /** Number of outages before the attempt was sent. */
  readonly outageCount: number;
}

type BreakerSettings = Pick<
  RateLimitSettings,
  "failureThreshold" | "perCallFailureThreshold" | "halfOpenAfterMs" | "maxHalfOpenAfterMs" | "giveUpAfterMs"
>;

/**
 * Circuit breaker of one endpoint and model.
 *
 * Opens after a number of consecutive failures, or sooner if one call alone repeatedly cannot reach the endpoint: with few
 * calls in progress, its retries would be used up before. An open circuit sends one probe at a time, at growing intervals,
 * and closes with the first response.
 *
 * Some failures say nothing about their call, which is then to be retried: the one that opens the circuit, a probe's, and one
 * of an attempt that was sent before an outage and ends during or after it. Times are milliseconds on one monotonic clock.
 */
export class CircuitBreaker {
  #state: CircuitState = "closed";
  #outageCount = 0;
  #outage: Outage | null = null;
  #consecutiveFailures = 0;
  readonly #failuresByCall = new Map<object, number>();
  #openedAt = 0;
  #probeAt = 0;
  #probeIntervalMs = 0;

  constructor(
    private readonly settings: BreakerSettings,
    private readonly onChange: (state: CircuitState, outage: Outage) => void,
  ) {}

  get state(): CircuitState {
    return this.#state;
  }

  /** Returns how long to wait before checking again. 0 if the next attempt may be sent, as a probe if the circuit is open. */
  getWaitMs(now: number): number {
    if (this.#state === "closed") return 0;
    const untilProbe = this.#state === "open" ? Math.max(0, this.#probeAt - now) : Infinity;
    const untilGivenUp = this.#openedAt + this.settings.giveUpAfterMs - now;
    return untilGivenUp > 0 ? Math.min(untilProbe, untilGivenUp) : untilProbe;
  }

  /** Returns the outage if it has lasted too long. Later attempts may still probe, as the endpoint may come back. */
  getExpiredOutage(now: number): Outage | null {
    return this.#state !== "closed" && now >= this.#openedAt + this.settings.giveUpAfterMs ? this.#outage : null;
  }

  /** Records that an attempt is sent. Call it only when `getWaitMs` is 0. */
  onDispatch(): Attempt {
    const isProbe = this.#state !== "closed";
    if (isProbe) this.#setState("half-open");
    return { isProbe, outageCount: this.#outageCount };
  }

  /** Records a response of the endpoint, even if it is a rejection. */
  onSuccess(attempt: Attempt): void {
    if (attempt.outageCount !== this.#outageCount) return;
    this.#consecutiveFailures = 0;
    this.#failuresByCall.clear();
    if (attempt.isProbe) this.#setState("closed");
  }

  /**
   * Records that the endpoint did not respond.
   *
   * @param call The same object for every attempt at one call.
   * @returns `retry` if the call is to be retried without counting this attempt.
   */
  onFailure(attempt: Attempt, call: object, error: AttemptError, now: number): "retry" | "counted" {
    if (attempt.isProbe) {
      this.#probeIntervalMs = Math.min(this.#probeIntervalMs * 2, this.settings.maxHalfOpenAfterMs);
      this.#open(error, now);
      return "retry";
    }
    if (attempt.outageCount !== this.#outageCount) return "retry";
    const callFailures = (this.#failuresByCall.get(call) ?? 0) + (isUnreachable(error) ? 1 : 0);
    this.#failuresByCall.set(call, callFailures);
    const { failureThreshold, perCallFailureThreshold, halfOpenAfterMs } = this.settings;
    if (++this.#consecutiveFailures < failureThreshold && callFailures < perCallFailureThreshold) return "counted";
    this.#consecutiveFailures = 0;
    this.#failuresByCall.clear();
    this.#outageCount++;
    this.#openedAt = now;
    this.#probeIntervalMs = halfOpenAfterMs;
    this.#outage = null;
    this.#open(error, now);
    return "retry";
  }

  /** Records an attempt that was cancelled and says nothing about the endpoint. If it was the probe, the next attempt becomes the probe. */
  onCancelled(attempt: Attempt): void {
    if (attempt.isProbe && this.#state === "half-open") this.#setState("open");
  }

  #open(error: AttemptError, now: number): void {
    this.#outage = { since: this.#outage?.since ?? new Date(), lastError: error };
    this.#probeAt = now + this.#probeIntervalMs;
    this.#setState("open");
  }

  #setState(state: CircuitState): void {
    this.#state = state;
    if (this.#outage) this.onChange(state, this.#outage);
  }
}

const gatewayStatuses: readonly number[] = [502, 503, 504];

/** Returns true if the request did not reach the model server. Other failures of a single call may be caused by that call. */
function isUnreachable({ details }: AttemptError): boolean {
  return details.status === undefined ? details.requestNotSent === true : gatewayStatuses.includes(details.status);
}
