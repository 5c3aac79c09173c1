import type { RunnableConfig } from "@langchain/core/runnables";
import PQueue from "p-queue";

import { ReviewInstructError } from "../../errors.js";
import { AttemptError } from "../attempt/attempt-error.js";
import { createEndpointCheck, getEndpointCheckConfig } from "../endpoint-check.js";
import { FailedConversations } from "../failed-conversations.js";
import { type CallModel, type ModelRequest, type ModelResponse, getCallerKind } from "../model-call.js";
import { AdaptiveConcurrency } from "./adaptive-concurrency.js";
import { BackoffPause } from "./backoff-pause.js";
import { type Attempt, CircuitBreaker, type CircuitState, type Outage, isOutage } from "./circuit-breaker.js";
import { createManyFailuresError, createOutageError } from "./describe-outage.js";
import type { EndpointStatus } from "./endpoint-status.js";
import { EndpointUnavailableError } from "./endpoint-unavailable-error.js";
import { isPrivateEndpoint } from "./private-endpoint.js";
import type { RateLimitSettings } from "./rate-limit-settings.js";
import { RefusalWindow, type SentCall } from "./refusal-window.js";
import { SlidingWindow } from "./sliding-window.js";
import { TokenEstimator } from "./token-estimator.js";
import { WakeableTimer } from "./wakeable-timer.js";

const ownFaultAdvice =
  "The endpoint answers other requests, so this one has the fault: it may be too long, or hold text that the server cannot handle.";
const retryAfterOutage = Symbol("retry after outage");
const initialConcurrency = 8;
const initialConcurrencyOfPrivate = 4;

/**
 * Queue of the calls to one endpoint and model.
 *
 * The queue limits how many calls run. A call that starts while a pause, a rate or the circuit forbids sending stops the
 * queue behind it and waits. So only one call at a time waits for those, and sends the probes of an open circuit.
 */
export class EndpointQueue {
  readonly #queue: PQueue;
  readonly #limit: AdaptiveConcurrency;
  readonly #pause: BackoffPause;
  readonly #refusals = new RefusalWindow();
  readonly #rates: SlidingWindow;
  readonly #estimator = new TokenEstimator();
  readonly #breaker: CircuitBreaker;
  readonly #failedConversations = new FailedConversations();
  readonly #dispatchTimer = new WakeableTimer();
  readonly #closing = new AbortController();
  #pending = 0;
  #active = 0;

  constructor(
    readonly endpoint: string,
    readonly model: string,
    private readonly settings: RateLimitSettings,
    onCircuit: (state: CircuitState, outage: Outage) => void,
  ) {
    const initial = settings.initialConcurrency ?? (isPrivateEndpoint(endpoint) ? initialConcurrencyOfPrivate : initialConcurrency);
    this.#limit = new AdaptiveConcurrency(initial, settings.maxConcurrency);
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
    this.#closing.abort();
    this.#updateConcurrency();
    this.#dispatchTimer.wake();
  }

  async #attempt(next: CallModel, request: ModelRequest, config: RunnableConfig): Promise<ModelResponse | typeof retryAfterOutage> {
    // No await before this: the queue starts its calls one by one, and each must be counted before the next one checks.
    const { attempt, correctTokens } = await this.#waitForDispatch(next, request, config);
    const sent = this.#refusals.onSent(performance.now());
    this.#active++;
    try {
      const response = await next(request, config);
      this.#onSuccess(request, response, attempt, sent);
      const tokens = this.#estimator.observe(request, response.usage);
      if (tokens !== null) correctTokens(tokens);
      return response;
    } catch (error) {
      if (!(error instanceof AttemptError) || config.signal?.aborted) throw error;
      if (this.#onFailure(request, config, error, attempt, sent) === "retry") return retryAfterOutage;
      throw error;
    } finally {
      this.#active--;
      this.#updateConcurrency();
      this.#dispatchTimer.wake();
    }
  }

  async #waitForDispatch(next: CallModel, request: ModelRequest, config: RunnableConfig) {
    const tokens = this.settings.tpm === undefined ? 0 : this.#estimator.estimate(request);
    try {
      for (;;) {
        const now = performance.now();
        this.#throwIfGivenUp(now);
        if (this.#breaker.isProbeDue(now) && this.#rates.getWaitMs(tokens, now) <= 0) {
          this.#rates.add(tokens, now);
          void this.#probe(next, request, config);
        }
        const waitMs = Math.max(this.#pause.getWaitMs(now), this.#rates.getWaitMs(tokens, now), this.#breaker.getWaitMs(now));
        if (waitMs <= 0) return { attempt: this.#breaker.onDispatch(), correctTokens: this.#rates.add(tokens, now) };
        this.#queue.pause();
        await this.#dispatchTimer.wait(waitMs, config.signal);
      }
    } finally {
      this.#queue.start();
    }
  }

  /** Asks an endpoint that seems to be down with a small request. Whatever it answers ends the outage. Never throws. */
  async #probe(next: CallModel, request: ModelRequest, config: RunnableConfig): Promise<void> {
    this.#breaker.onProbe();
    let failure: unknown = null;
    try {
      await next(createEndpointCheck(request), getEndpointCheckConfig(config, this.#closing.signal));
    } catch (error) {
      failure = error;
    }
    const now = performance.now();
    if (failure instanceof AttemptError && isOutage(failure)) this.#breaker.onProbeFailure(failure, now);
    else if (this.#closing.signal.aborted) this.#breaker.onProbeCancelled();
    // Any other error, such as a budget that is used up, is one that the calls have to meet themselves.
    else if (this.#breaker.onProbeSuccess()) this.#limit.restart(now);
    this.#updateConcurrency();
    this.#dispatchTimer.wake();
  }

  /** Applies the limit only while the circuit is closed. Otherwise every queued call is started so that it can fail fast. */
  #updateConcurrency(): void {
    this.#queue.concurrency = this.#closing.signal.aborted || this.#breaker.state !== "closed" ? Infinity : this.#limit.value;
  }

  #throwIfGivenUp(now: number): void {
    const { endpoint, model } = this;
    if (this.#closing.signal.aborted)
      throw new ReviewInstructError("rate_limiter_closed", `The rate limiter was closed before the call to ${model} at ${endpoint} was sent.`);
    const outage = this.#breaker.getWaitMs(now) > 0 ? this.#breaker.getExpiredOutage(now) : null;
    if (outage) throw createOutageError(endpoint, model, outage);
    const pauseMs = this.#pause.getWaitMs(now);
    if (pauseMs > this.settings.maxPauseMs) throw new EndpointUnavailableError(endpoint, model, `asks for a pause of ${Math.ceil(pauseMs / 1000)} s`);
  }

  #onSuccess(request: ModelRequest, response: ModelResponse, attempt: Attempt, sent: SentCall): void {
    const now = performance.now();
    const startedAt = sent.sentAt;
    this.#breaker.onSuccess(attempt);
    this.#failedConversations.clear();
    this.#refusals.onSuccess(sent);
    this.#pause.onSuccess(startedAt);
    const outputTokens = response.usage.outputTokens ?? response.text.length / 4;
    const timing = { kind: getCallerKind(request.caller), latencyMs: now - startedAt, outputTokens, startedAt };
    this.#limit.onSuccess(timing, this.#active > this.#limit.value / 2, now);
  }

  /** Records a failure. Returns `retry` if the call is to be sent again once the endpoint is back. */
  #onFailure(request: ModelRequest, config: RunnableConfig, error: AttemptError, attempt: Attempt, sent: SentCall): "retry" | "counted" {
    const now = performance.now();
    const { code, details } = error;
    if (details.retryable && details.retryAfterMs && details.retryAfterMs > this.settings.maxPauseMs)
      this.#pause.setRetryAfter(details.retryAfterMs, now);
    this.#throwIfGivenUp(now);
    if (code === "model_rate_limited" || (details.retryable && details.retryAfterMs)) this.#onRefusal(details.retryAfterMs, sent, now);
    if (isOutage(error)) {
      if (code === "model_timeout" && !details.requestNotSent) this.#limit.onRateLimited(sent.sentAt, now);
      const result = this.#breaker.onFailure(attempt, request, error, now);
      if (result === "retry" || !this.#breaker.isOwnFault(request, error)) return result;
      if (this.#failedConversations.add(request, config)) throw createManyFailuresError(this, this.#failedConversations.count, error);
      throw new AttemptError(code, error.message, { ...details, retryable: false, advice: ownFaultAdvice }, { cause: error.cause });
    }
    // The endpoint answered: fewer or later calls would be rejected just the same.
    if (details.status !== undefined) this.#breaker.onSuccess(attempt);
    return "counted";
  }

  /** Records a rejection that asks to wait. Only where those are the rule do the other calls wait, too. */
  #onRefusal(retryAfterMs: number | undefined, sent: SentCall, now: number): void {
    // A Retry-After of 0 counts as none.
    const waitMs = this.#refusals.onRefusal(sent, retryAfterMs, now);
    if (waitMs === null) return;
    const startedAt = sent.sentAt;
    this.#limit.onRateLimited(startedAt, now);
    if (waitMs > 0) this.#pause.setRetryAfter(waitMs, now);
    else this.#pause.onRateLimited(startedAt, now);
  }
}
