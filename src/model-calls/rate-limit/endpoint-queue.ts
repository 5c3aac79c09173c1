import type { RunnableConfig } from "@langchain/core/runnables";
import PQueue from "p-queue";

import { ReviewInstructError } from "../../errors.js";
import { AttemptError } from "../attempt/attempt-error.js";
import { type CallModel, type ModelRequest, type ModelResponse, getCallerKind } from "../model-call.js";
import { AdaptiveConcurrency } from "./adaptive-concurrency.js";
import { BackoffPause } from "./backoff-pause.js";
import { type Attempt, CircuitBreaker, type CircuitState, type Outage } from "./circuit-breaker.js";
import { EndpointUnavailableError } from "./endpoint-unavailable-error.js";
import type { RateLimitSettings } from "./rate-limit-settings.js";
import { SlidingWindow } from "./sliding-window.js";
import { TokenEstimator } from "./token-estimator.js";
import { WakeableTimer } from "./wakeable-timer.js";

/** Status of one endpoint and model. */
export interface EndpointStatus {
  readonly endpoint: string;
  readonly model: string;
  /** Number of calls in flight. */
  readonly active: number;
  /** Number of calls that wait to be sent. */
  readonly queued: number;
  /** Current maximum number of calls in flight. */
  readonly limit: number;
  /**
   * `rate-limited`: the endpoint asked to wait, or `rpm` or `tpm` is reached. `open`, `half-open`: the endpoint is down.
   * `unavailable`: it was down for too long.
   */
  readonly state: "closed" | "rate-limited" | "open" | "half-open" | "unavailable";
}

const retryAfterOutage = Symbol("retry after outage");

/**
 * Queue of the calls to one endpoint and model.
 *
 * The queue limits how many calls run. A call that starts while a pause, a rate or the circuit forbids sending stops the
 * queue behind it and waits. So only one call at a time waits for those, and it becomes the probe of an open circuit.
 */
export class EndpointQueue {
  readonly #queue: PQueue;
  readonly #limit: AdaptiveConcurrency;
  readonly #pause: BackoffPause;
  readonly #rates: SlidingWindow;
  readonly #estimator = new TokenEstimator();
  readonly #breaker: CircuitBreaker;
  readonly #dispatchTimer = new WakeableTimer();
  #pending = 0;
  #active = 0;
  #closed = false;

  constructor(
    readonly endpoint: string,
    readonly model: string,
    private readonly settings: RateLimitSettings,
    onCircuit: (state: CircuitState, outage: Outage) => void,
  ) {
    this.#limit = new AdaptiveConcurrency(settings.initialConcurrency, settings.maxConcurrency);
    this.#queue = new PQueue({ concurrency: this.#limit.value });
    this.#pause = new BackoffPause(settings.pauseMs);
    this.#rates = new SlidingWindow(settings);
    this.#breaker = new CircuitBreaker(settings, onCircuit);
  }

  /**
   * Waits until the call may be sent, and makes it with `next`.
   *
   * Errors of `next` are rethrown, except those of an outage: such a call waits for its end and is sent again before others.
   *
   * @throws {EndpointUnavailableError} If the outage or the pause lasts too long.
   */
  async run(next: CallModel, request: ModelRequest, config: RunnableConfig): Promise<ModelResponse> {
    this.#pending++;
    try {
      for (let priority = 0; ; priority = 1) {
        const result = await this.#queue.add(() => this.#attempt(next, request, config), { signal: config.signal, priority });
        if (result !== retryAfterOutage) return result;
      }
    } finally {
      this.#pending--;
    }
  }

  getStatus(): EndpointStatus {
    const now = performance.now();
    const circuit = this.#breaker.state;
    const isRateLimited = this.#pause.getWaitMs(now) > 0 || this.#queue.isPaused;
    return {
      endpoint: this.endpoint,
      model: this.model,
      active: this.#active,
      queued: Math.max(0, this.#pending - this.#active),
      limit: this.#limit.value,
      state: this.#breaker.getExpiredOutage(now) ? "unavailable" : circuit === "closed" && isRateLimited ? "rate-limited" : circuit,
    };
  }

  /** Rejects every call that was not sent yet, and every later one. */
  close(): void {
    this.#closed = true;
    this.#updateConcurrency();
    this.#dispatchTimer.wake();
  }

  async #attempt(next: CallModel, request: ModelRequest, config: RunnableConfig): Promise<ModelResponse | typeof retryAfterOutage> {
    // No await before this: the queue starts its calls one by one, and each must be counted before the next one checks.
    const { attempt, correctTokens } = await this.#waitForDispatch(request, config.signal);
    const startedAt = performance.now();
    this.#active++;
    try {
      const response = await next(request, config);
      this.#onSuccess(request, response, attempt, startedAt);
      const tokens = this.#estimator.observe(request, response.usage);
      if (tokens !== null) correctTokens(tokens);
      return response;
    } catch (error) {
      if (this.#onFailure(request, error, attempt, startedAt, config.signal) === "retry") return retryAfterOutage;
      throw error;
    } finally {
      this.#active--;
      this.#updateConcurrency();
      this.#dispatchTimer.wake();
    }
  }

  async #waitForDispatch(request: ModelRequest, signal: AbortSignal | undefined) {
    const tokens = this.settings.tpm === undefined ? 0 : this.#estimator.estimate(request);
    try {
      for (;;) {
        const now = performance.now();
        this.#throwIfGivenUp(now);
        const waitMs = Math.max(this.#pause.getWaitMs(now), this.#rates.getWaitMs(tokens, now), this.#breaker.getWaitMs(now));
        if (waitMs <= 0) return { attempt: this.#breaker.onDispatch(), correctTokens: this.#rates.add(tokens, now) };
        this.#queue.pause();
        await this.#dispatchTimer.wait(waitMs, signal);
      }
    } finally {
      this.#queue.start();
    }
  }

  /** Applies the limit only while the circuit is closed. Otherwise every queued call is started so that it can fail fast. */
  #updateConcurrency(): void {
    this.#queue.concurrency = this.#closed || this.#breaker.state !== "closed" ? Infinity : this.#limit.value;
  }

  #throwIfGivenUp(now: number): void {
    const { endpoint, model } = this;
    if (this.#closed)
      throw new ReviewInstructError("rate_limiter_closed", `The rate limiter was closed before the call to ${model} at ${endpoint} was sent.`);
    const outage = this.#breaker.getWaitMs(now) > 0 ? this.#breaker.getExpiredOutage(now) : null;
    if (outage) {
      const { since, lastError } = outage;
      const reason = `has not responded since ${since.toISOString()}, the last error was "${lastError.message}"`;
      throw new EndpointUnavailableError(endpoint, model, reason, { cause: lastError });
    }
    const pauseMs = this.#pause.getWaitMs(now);
    if (pauseMs > this.settings.maxPauseMs) throw new EndpointUnavailableError(endpoint, model, `asks for a pause of ${Math.ceil(pauseMs / 1000)} s`);
  }

  #onSuccess(request: ModelRequest, response: ModelResponse, attempt: Attempt, startedAt: number): void {
    const now = performance.now();
    this.#markReachable(attempt, now);
    this.#pause.onSuccess(startedAt);
    const outputTokens = response.usage.outputTokens ?? response.text.length / 4;
    const timing = { kind: getCallerKind(request.caller), latencyMs: now - startedAt, outputTokens, startedAt };
    this.#limit.onSuccess(timing, this.#active > this.#limit.value / 2, now);
  }

  #markReachable(attempt: Attempt, now: number): void {
    if (attempt.isProbe) this.#limit.restart(now);
    this.#breaker.onSuccess(attempt);
  }

  /** Records a failure. Returns `retry` if the call is to be sent again once the endpoint is back. */
  #onFailure(request: ModelRequest, error: unknown, attempt: Attempt, startedAt: number, signal: AbortSignal | undefined): "retry" | "counted" {
    const now = performance.now();
    if (!(error instanceof AttemptError) || signal?.aborted) {
      this.#breaker.onCancelled(attempt);
      return "counted";
    }
    const { code, details } = error;
    // A Retry-After of 0 counts as none.
    if (details.retryable && details.retryAfterMs) this.#pause.setRetryAfter(details.retryAfterMs, now);
    switch (code) {
      case "model_unavailable":
      case "model_timeout":
        // A failure that is not retryable is not an outage: waiting would not end it.
        if (details.retryable) return this.#breaker.onFailure(attempt, request, error, now);
        this.#breaker.onCancelled(attempt);
        break;
      case "model_invalid_configuration":
        this.#breaker.onCancelled(attempt);
        break;
      case "model_rate_limited":
        this.#markReachable(attempt, now);
        this.#limit.onRateLimited(startedAt, now);
        if (!details.retryAfterMs) this.#pause.onRateLimited(startedAt, now);
        break;
      case "model_unauthorized":
      case "model_insufficient_quota":
      case "model_not_found":
      case "model_bad_request":
      case "model_context_overflow":
        // Fewer or later calls would be rejected just the same, so the limits do not change.
        this.#markReachable(attempt, now);
        break;
    }
    return "counted";
  }
}
