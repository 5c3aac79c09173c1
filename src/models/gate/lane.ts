import type { RunnableConfig } from "@langchain/core/runnables";
import PQueue from "p-queue";

import { ReviewInstructError } from "../../errors.js";
import type { ModelAccess, ModelReply, ModelRequest } from "../../nodes/model-access.js";
import { ConcurrencyLimit } from "./aimd.js";
import { AttemptError } from "../call/attempt.js";
import { CircuitBreaker, type CircuitState, type Outage, type Pass } from "./breaker.js";
import { EndpointDownError } from "./endpoint-down-error.js";
import type { GateSettings } from "./gate-settings.js";
import { Pause } from "./pause.js";
import { RateWindow } from "./rate-window.js";
import { TokenEstimate } from "./token-estimate.js";
import { Waiter } from "./waiter.js";

/** One endpoint and model, for a progress line. */
export interface LaneStatus {
  readonly endpoint: string;
  readonly model: string;
  /** Calls in flight. */
  readonly active: number;
  /** Calls that wait their turn. */
  readonly queued: number;
  /** Most calls that may be in flight at present. */
  readonly limit: number;
  /** `paused`: asked to wait, or at rpm or tpm. `open`, `probing`: the endpoint is down. `down`: and has been given up. */
  readonly state: "running" | "paused" | "open" | "probing" | "down";
}

const again = Symbol("again");

/**
 * The calls to one endpoint and model. A queue holds back what is above the limit; the call at its head stands at the gate,
 * with the queue stopped behind it, until pause, rates and circuit let it leave. So one call at most waits for those, and a
 * probe is simply the call at the gate.
 */
export class Lane {
  readonly #queue: PQueue;
  readonly #limit: ConcurrencyLimit;
  readonly #pause: Pause;
  readonly #rates: RateWindow;
  readonly #estimate = new TokenEstimate();
  readonly #breaker: CircuitBreaker;
  readonly #atTheGate = new Waiter();
  #inside = 0;
  #active = 0;
  #closed = false;

  constructor(
    readonly endpoint: string,
    readonly model: string,
    private readonly settings: GateSettings,
    onCircuit: (state: CircuitState, outage: Outage) => void,
  ) {
    this.#limit = new ConcurrencyLimit(settings.initialConcurrency, settings.maxConcurrency);
    this.#queue = new PQueue({ concurrency: this.#limit.value });
    this.#pause = new Pause(settings.pauseMs);
    this.#rates = new RateWindow(settings);
    this.#breaker = new CircuitBreaker(settings, onCircuit);
  }

  /**
   * Waits until the call may leave, and makes it with `next`. Fails with what `next` fails with, save for failures that are
   * an outage's: those wait for its end and leave again, ahead of the rest. Throws `EndpointDownError` when it does not end.
   */
  async run(next: ModelAccess, request: ModelRequest, config: RunnableConfig): Promise<ModelReply> {
    this.#inside++;
    try {
      for (let priority = 0; ; priority = 1) {
        const outcome = await this.#queue.add(() => this.#attempt(next, request, config), { signal: config.signal, priority });
        if (outcome !== again) return outcome;
      }
    } finally {
      this.#inside--;
    }
  }

  status(): LaneStatus {
    const now = performance.now();
    const circuit = this.#breaker.state;
    const paused = this.#pause.waitFor(now) > 0 || this.#queue.isPaused;
    return {
      endpoint: this.endpoint,
      model: this.model,
      active: this.#active,
      queued: Math.max(0, this.#inside - this.#active),
      limit: this.#limit.value,
      state: this.#breaker.lostSince(now) ? "down" : circuit !== "closed" ? circuit : paused ? "paused" : "running",
    };
  }

  /** Fails every call that has not left yet, and every later one. */
  close(): void {
    this.#closed = true;
    this.#setConcurrency();
    this.#atTheGate.wake();
  }

  async #attempt(next: ModelAccess, request: ModelRequest, config: RunnableConfig): Promise<ModelReply | typeof again> {
    // No await before this: the queue starts its calls one by one, and each must be counted before the next looks.
    const { pass, correctTokens } = await this.#leave(request, config.signal);
    const startedAt = performance.now();
    this.#active++;
    try {
      const reply = await next(request, config);
      this.#answered(request, reply, pass, startedAt);
      const tokens = this.#estimate.learn(request, reply.usage);
      if (tokens !== null) correctTokens(tokens);
      return reply;
    } catch (error) {
      if (this.#failed(request, error, pass, startedAt, config.signal)) return again;
      throw error;
    } finally {
      this.#active--;
      this.#setConcurrency();
      this.#atTheGate.wake();
    }
  }

  async #leave(request: ModelRequest, signal: AbortSignal | undefined) {
    const tokens = this.settings.tpm === undefined ? 0 : this.#estimate.of(request);
    try {
      for (;;) {
        const now = performance.now();
        this.#refuseIfOver(now);
        const wait = Math.max(this.#pause.waitFor(now), this.#rates.waitFor(tokens, now), this.#breaker.waitFor(now));
        if (wait <= 0) return { pass: this.#breaker.enter(), correctTokens: this.#rates.add(tokens, now) };
        this.#queue.pause();
        await this.#atTheGate.wait(wait, signal);
      }
    } finally {
      this.#queue.start();
    }
  }

  /** The limit counts while calls may leave. Else all may come up to the gate, past calls in flight that hang, to be told. */
  #setConcurrency(): void {
    this.#queue.concurrency = this.#closed || this.#breaker.state !== "closed" ? Infinity : this.#limit.value;
  }

  #refuseIfOver(now: number): void {
    const { endpoint, model } = this;
    if (this.#closed) throw new ReviewInstructError("gate_closed", `The gate was closed before the call to ${model} at ${endpoint}.`);
    const outage = this.#breaker.waitFor(now) > 0 ? this.#breaker.lostSince(now) : null;
    if (outage) {
      const { since, lastError } = outage;
      throw new EndpointDownError(endpoint, model, `has not answered since ${since.toISOString()}, last with "${lastError.message}"`, {
        cause: lastError,
      });
    }
    const pause = this.#pause.waitFor(now);
    if (pause > this.settings.longestPauseMs) throw new EndpointDownError(endpoint, model, `asks for a pause of ${Math.ceil(pause / 1000)} s`);
  }

  #answered(request: ModelRequest, reply: ModelReply, pass: Pass, startedAt: number): void {
    const now = performance.now();
    this.#endpointIsThere(pass, now);
    this.#pause.answered(startedAt);
    const outputTokens = reply.usage.outputTokens ?? reply.text.length / 4;
    const timing = { kind: request.role, latencyMs: now - startedAt, outputTokens, startedAt };
    this.#limit.replied(timing, this.#active > this.#limit.value / 2, now);
  }

  #endpointIsThere(pass: Pass, now: number): void {
    if (pass.probe) this.#limit.restart(now);
    this.#breaker.answered(pass);
  }

  /** Takes note of a failure. True: the call is to be made again once the endpoint is back. */
  #failed(request: ModelRequest, error: unknown, pass: Pass, startedAt: number, signal: AbortSignal | undefined): boolean {
    const now = performance.now();
    if (!(error instanceof AttemptError) || signal?.aborted) {
      this.#breaker.withdrawn(pass);
      return false;
    }
    const { code, detail } = error;
    // A Retry-After of 0 names no time either.
    if (detail.retryable && detail.retryAfterMs) this.#pause.asked(detail.retryAfterMs, now);
    switch (code) {
      case "model_unavailable":
      case "model_timeout":
        // What is not worth another attempt is no outage, which waiting could end.
        if (!detail.retryable) break;
        return this.#breaker.failed(pass, request, error, now) === "again";
      case "model_rate_limited":
        this.#endpointIsThere(pass, now);
        this.#limit.refused(startedAt, now);
        if (!detail.retryAfterMs) this.#pause.refused(startedAt, now);
        return false;
      case "model_unauthorized":
      // Fewer calls, or later ones, would be refused just the same.
      case "model_out_of_credit":
      case "model_not_found":
      case "model_bad_request":
        this.#endpointIsThere(pass, now);
        return false;
      case "model_misconfigured":
        break;
    }
    this.#breaker.withdrawn(pass);
    return false;
  }
}
