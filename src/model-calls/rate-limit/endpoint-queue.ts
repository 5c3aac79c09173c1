import type { RunnableConfig } from "@langchain/core/runnables";
import PQueue from "p-queue";

import { ReviewInstructError } from "../../errors.js";
import { type CallModel, type ModelRequest, type ModelResponse, getCallerKind } from "../model-call.js";
import { AdaptiveConcurrency } from "./adaptive-concurrency.js";
import { AttemptError } from "../attempt/attempt-error.js";
import { CircuitBreaker, type CircuitState, type Outage, type Attempt } from "./circuit-breaker.js";
import { EndpointUnavailableError } from "./endpoint-unavailable-error.js";
import type { RateLimitSettings } from "./rate-limit-settings.js";
import { BackoffPause } from "./backoff-pause.js";
import { SlidingWindow } from "./sliding-window.js";
import { TokenEstimator } from "./token-estimator.js";
import { WakeableTimer } from "./wakeable-timer.js";

/** One endpoint and model, for a progress line. */
export interface EndpointStatus {
  readonly endpoint: string;
  readonly model: string;
  /** Calls in flight. */
  readonly active: number;
  /** Calls that wait their turn. */
  readonly queued: number;
  /** Most calls that may be in flight at present. */
  readonly limit: number;
  /** `rate-limited`: asked to wait, or at rpm or tpm. `open`, `half-open`: the endpoint is down. `unavailable`: and was given up. */
  readonly state: "closed" | "rate-limited" | "open" | "half-open" | "unavailable";
}

const retryAfterOutage = Symbol("again");

/**
 * The calls to one endpoint and model. A queue holds back what is above the limit; the call at its head stands at the gate,
 * with the queue stopped behind it, until pause, rates and circuit let it leave. So one call at most waits for those, and a
 * probe is simply the call at the gate.
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
   * Waits until the call may leave, and makes it with `next`. Fails with what `next` fails with, save for failures that are
   * an outage's: those wait for its end and leave again, ahead of the rest. Throws `EndpointUnavailableError` when it does not end.
   */
  async run(next: CallModel, request: ModelRequest, config: RunnableConfig): Promise<ModelResponse> {
    this.#pending++;
    try {
      for (let priority = 0; ; priority = 1) {
        const outcome = await this.#queue.add(() => this.#attempt(next, request, config), { signal: config.signal, priority });
        if (outcome !== retryAfterOutage) return outcome;
      }
    } finally {
      this.#pending--;
    }
  }

  getStatus(): EndpointStatus {
    const now = performance.now();
    const circuit = this.#breaker.state;
    const paused = this.#pause.getWaitMs(now) > 0 || this.#queue.isPaused;
    return {
      endpoint: this.endpoint,
      model: this.model,
      active: this.#active,
      queued: Math.max(0, this.#pending - this.#active),
      limit: this.#limit.value,
      state: this.#breaker.getExpiredOutage(now) ? "unavailable" : circuit === "closed" && paused ? "rate-limited" : circuit,
    };
  }

  /** Fails every call that has not left yet, and every later one. */
  close(): void {
    this.#closed = true;
    this.#setConcurrency();
    this.#dispatchTimer.wake();
  }

  async #attempt(next: CallModel, request: ModelRequest, config: RunnableConfig): Promise<ModelResponse | typeof retryAfterOutage> {
    // No await before this: the queue starts its calls one by one, and each must be counted before the next looks.
    const { pass, correctTokens } = await this.#waitForDispatch(request, config.signal);
    const startedAt = performance.now();
    this.#active++;
    try {
      const reply = await next(request, config);
      this.#onSuccess(request, reply, pass, startedAt);
      const tokens = this.#estimator.observe(request, reply.usage);
      if (tokens !== null) correctTokens(tokens);
      return reply;
    } catch (error) {
      if (this.#onFailure(request, error, pass, startedAt, config.signal)) return retryAfterOutage;
      throw error;
    } finally {
      this.#active--;
      this.#setConcurrency();
      this.#dispatchTimer.wake();
    }
  }

  async #waitForDispatch(request: ModelRequest, signal: AbortSignal | undefined) {
    const tokens = this.settings.tpm === undefined ? 0 : this.#estimator.estimate(request);
    try {
      for (;;) {
        const now = performance.now();
        this.#throwIfGivenUp(now);
        const wait = Math.max(this.#pause.getWaitMs(now), this.#rates.getWaitMs(tokens, now), this.#breaker.getWaitMs(now));
        if (wait <= 0) return { pass: this.#breaker.onDispatch(), correctTokens: this.#rates.add(tokens, now) };
        this.#queue.pause();
        await this.#dispatchTimer.wait(wait, signal);
      }
    } finally {
      this.#queue.start();
    }
  }

  /** The limit counts while calls may leave. Else all may come up to the gate, past calls in flight that hang, to be told. */
  #setConcurrency(): void {
    this.#queue.concurrency = this.#closed || this.#breaker.state !== "closed" ? Infinity : this.#limit.value;
  }

  #throwIfGivenUp(now: number): void {
    const { endpoint, model } = this;
    if (this.#closed) throw new ReviewInstructError("rate_limiter_closed", `The gate was closed before the call to ${model} at ${endpoint}.`);
    const outage = this.#breaker.getWaitMs(now) > 0 ? this.#breaker.getExpiredOutage(now) : null;
    if (outage) {
      const { since, lastError } = outage;
      throw new EndpointUnavailableError(endpoint, model, `has not answered since ${since.toISOString()}, last with "${lastError.message}"`, {
        cause: lastError,
      });
    }
    const pause = this.#pause.getWaitMs(now);
    if (pause > this.settings.maxPauseMs) throw new EndpointUnavailableError(endpoint, model, `asks for a pause of ${Math.ceil(pause / 1000)} s`);
  }

  #onSuccess(request: ModelRequest, reply: ModelResponse, pass: Attempt, startedAt: number): void {
    const now = performance.now();
    this.#endpointIsThere(pass, now);
    this.#pause.answered(startedAt);
    const outputTokens = reply.usage.outputTokens ?? reply.text.length / 4;
    const timing = { kind: getCallerKind(request.caller), latencyMs: now - startedAt, outputTokens, startedAt };
    this.#limit.onSuccess(timing, this.#active > this.#limit.value / 2, now);
  }

  #endpointIsThere(pass: Attempt, now: number): void {
    if (pass.probe) this.#limit.restart(now);
    this.#breaker.onSuccess(pass);
  }

  /** Takes note of a failure. True: the call is to be made again once the endpoint is back. */
  #onFailure(request: ModelRequest, error: unknown, pass: Attempt, startedAt: number, signal: AbortSignal | undefined): boolean {
    const now = performance.now();
    if (!(error instanceof AttemptError) || signal?.aborted) {
      this.#breaker.onCancelled(pass);
      return false;
    }
    const { code, detail } = error;
    // A Retry-After of 0 names no time either.
    if (detail.retryable && detail.retryAfterMs) this.#pause.setRetryAfter(detail.retryAfterMs, now);
    switch (code) {
      case "model_unavailable":
      case "model_timeout":
        // What is not worth another attempt is no outage, which waiting could end.
        if (!detail.retryable) break;
        return this.#breaker.onFailure(pass, request, error, now) === "again";
      case "model_rate_limited":
        this.#endpointIsThere(pass, now);
        this.#limit.onRateLimited(startedAt, now);
        if (!detail.retryAfterMs) this.#pause.onRateLimited(startedAt, now);
        return false;
      case "model_unauthorized":
      // Fewer calls, or later ones, would be refused just the same.
      case "model_insufficient_quota":
      case "model_not_found":
      case "model_bad_request":
        this.#endpointIsThere(pass, now);
        return false;
      case "model_invalid_configuration":
        break;
    }
    this.#breaker.onCancelled(pass);
    return false;
  }
}
