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
  /** Number of outages before the attempt was sent. */
  readonly outageCount: number;
}

type BreakerSettings = Pick<
  RateLimitSettings,
  "failureThreshold" | "perCallFailureThreshold" | "halfOpenAfterMs" | "maxHalfOpenAfterMs" | "giveUpAfterMs" | "unansweredGiveUpAfterMs"
>;

/** After so many outages that a call's gateway errors made out and a probe did not confirm, its later ones are its own fault. */
const maxGatewayAlarms = 2;

/**
 * Circuit breaker of one endpoint and model.
 *
 * Opens after a number of consecutive failures, or sooner if one call alone fails repeatedly: with few calls in progress, its
 * retries would be used up before. An open circuit is tested by probes, at growing intervals, and closes with the first
 * response. A probe is a small request of its own, never a call that failed.
 *
 * An endpoint that answers with an error, or too late, is there: the fault may be the calls'. Then the first probe is sent at
 * once, and nothing is reported before it has failed, too. If it succeeds, the calls that failed are at fault, and their later
 * failures count as theirs alone.
 *
 * Some failures say nothing about their call, which is then to be retried: the one that opens the circuit, and one of an attempt
 * that was sent before an outage and ends during or after it. Times are milliseconds on one monotonic clock.
 */
export class CircuitBreaker {
  #state: CircuitState = "closed";
  #outageCount = 0;
  #outage: Outage | null = null;
  /** True until the outage is certain. */
  #isSuspicion = false;
  #hasAnswered = false;
  #consecutiveFailures = 0;
  #failuresByCall = new Map<object, number>();
  /** Calls that opened the circuit, until a probe tells whether the endpoint works. */
  #suspects: object[] = [];
  /** Calls that failed at an endpoint that worked. */
  readonly #faulty = new WeakSet<object>();
  readonly #gatewayAlarms = new WeakMap<object, number>();
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

  /** Returns how long to wait before checking again. 0 if the circuit is closed, or a probe is due. */
  getWaitMs(now: number): number {
    if (this.#state === "closed") return 0;
    const untilProbe = this.#state === "open" ? Math.max(0, this.#probeAt - now) : Infinity;
    const untilGivenUp = this.#getGiveUpAt() - now;
    return untilGivenUp > 0 ? Math.min(untilProbe, untilGivenUp) : untilProbe;
  }

  /** Returns true if a probe is to be sent before anything else. */
  isProbeDue(now: number): boolean {
    return this.#state === "open" && now >= this.#probeAt;
  }

  /** Returns the outage if it has lasted too long. Probes may still be sent, as the endpoint may come back. */
  getExpiredOutage(now: number): Outage | null {
    return this.#state !== "closed" && now >= this.#getGiveUpAt() ? this.#outage : null;
  }

  /** Records that an attempt is sent. Call it only while the circuit is closed. */
  onDispatch(): Attempt {
    return { outageCount: this.#outageCount };
  }

  /** Records a response of the endpoint, even if it is a rejection. */
  onSuccess(attempt: Attempt): void {
    this.#hasAnswered = true;
    if (attempt.outageCount !== this.#outageCount) return;
    this.#consecutiveFailures = 0;
    this.#failuresByCall.clear();
  }

  /** Returns true if the endpoint was shown to work while this call failed in such a way, so that the fault is the call's. */
  isOwnFault(call: object, error: AttemptError): boolean {
    if (!isUnreachable(error)) return this.#faulty.has(call);
    return error.details.status !== undefined && (this.#gatewayAlarms.get(call) ?? 0) >= maxGatewayAlarms;
  }

  /**
   * Records that an attempt failed and that the endpoint may be down.
   *
   * @param call The same object for every attempt at one call.
   * @returns `retry` if the call is to be retried without counting this attempt.
   */
  onFailure(attempt: Attempt, call: object, error: AttemptError, now: number): "retry" | "counted" {
    if (error.details.status !== undefined) this.#hasAnswered = true;
    if (attempt.outageCount !== this.#outageCount) return "retry";
    if (this.isOwnFault(call, error)) return "counted";
    const { failureThreshold, perCallFailureThreshold } = this.settings;
    // A timeout costs minutes, and the server may go on computing.
    const weight = error.code === "model_timeout" ? Math.ceil(perCallFailureThreshold / 2) : 1;
    const callFailures = (this.#failuresByCall.get(call) ?? 0) + weight;
    this.#failuresByCall.set(call, callFailures);
    if (++this.#consecutiveFailures < failureThreshold && callFailures < perCallFailureThreshold) return "counted";
    this.#suspects = [...this.#failuresByCall.keys()];
    this.#consecutiveFailures = 0;
    this.#failuresByCall.clear();
    this.#outageCount++;
    this.#openedAt = now;
    this.#outage = { since: new Date(), lastError: error };
    this.#isSuspicion = !isUnreachable(error);
    this.#probeIntervalMs = this.settings.halfOpenAfterMs;
    this.#probeAt = this.#isSuspicion ? now : now + this.#probeIntervalMs;
    this.#setState("open");
    return "retry";
  }

  /** Records that a probe is sent. */
  onProbe(): void {
    this.#setState("half-open");
  }

  /** Records that the endpoint answered a probe. Returns true if there was an outage. */
  onProbeSuccess(): boolean {
    const wasOutage = !this.#isSuspicion;
    this.#hasAnswered = true;
    for (const call of this.#suspects) {
      // A call that met a gateway's error may have met a short outage.
      if (wasOutage) this.#gatewayAlarms.set(call, (this.#gatewayAlarms.get(call) ?? 0) + 1);
      else this.#faulty.add(call);
    }
    this.#suspects = [];
    this.#setState("closed");
    return wasOutage;
  }

  /** Records that a probe failed. */
  onProbeFailure(error: AttemptError, now: number): void {
    if (this.#isSuspicion) this.#isSuspicion = false;
    else this.#probeIntervalMs = Math.min(this.#probeIntervalMs * 2, this.settings.maxHalfOpenAfterMs);
    // An outage that lasts is no fault of the calls that met it first.
    this.#suspects = [];
    this.#outage = { since: this.#outage?.since ?? new Date(), lastError: error };
    this.#probeAt = now + this.#probeIntervalMs;
    this.#setState("open");
  }

  /** Records that a probe was cancelled. The next one is due at once. */
  onProbeCancelled(): void {
    if (this.#state === "half-open") this.#setState("open");
  }

  /** Returns when calls give up: soon if nothing ever listened at the address. */
  #getGiveUpAt(): number {
    const { giveUpAfterMs, unansweredGiveUpAfterMs } = this.settings;
    const isRefused = !this.#hasAnswered && this.#outage?.lastError.details.systemCode === "ECONNREFUSED";
    return this.#openedAt + (isRefused ? Math.min(giveUpAfterMs, unansweredGiveUpAfterMs) : giveUpAfterMs);
  }

  #setState(state: CircuitState): void {
    this.#state = state;
    if (this.#outage && !this.#isSuspicion) this.onChange(state, this.#outage);
  }
}

const gatewayStatuses: readonly number[] = [502, 503, 504];

/** Returns true if the request did not reach the model server. Other failures of a single call may be caused by that call. */
function isUnreachable({ details }: AttemptError): boolean {
  return details.status === undefined ? details.requestNotSent === true : gatewayStatuses.includes(details.status);
}

/** Returns true for a failure that may mean that the endpoint is down. One that is not retryable would not end by waiting. */
export function isOutage({ code, details }: AttemptError): boolean {
  return details.retryable && (code === "model_unavailable" || code === "model_timeout");
}
