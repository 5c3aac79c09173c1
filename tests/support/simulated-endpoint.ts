import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import type { CallModel, ModelRequest, ModelResponse, TokenUsage } from "../../src/model-calls/model-call.js";
import { successText } from "./rate-limited-calls.js";

/** One attempt as the endpoint received it. Times are those of `performance.now()`. */
export interface SimulatedCall {
  readonly request: ModelRequest;
  readonly index: number;
  readonly at: number;
  /** Number of attempts in flight, this one included. */
  readonly inFlight: number;
}

export interface SimulatedResult {
  readonly latencyMs?: number;
  /** Thrown instead of returning a response. */
  readonly error?: Error;
  readonly text?: string;
  readonly usage?: TokenUsage;
}

/** Creates an endpoint without a network, for tests on a fake clock. Its calls end at once when the signal aborts, and are logged. */
export function createSimulatedEndpoint(getResult: (call: SimulatedCall) => SimulatedResult = () => ({})) {
  const calls: SimulatedCall[] = [];
  const log = { calls, inFlight: 0, peak: 0 };
  const callModel: CallModel = async (request, { signal }) => {
    const call = { request, index: calls.length, at: performance.now(), inFlight: ++log.inFlight };
    calls.push(call);
    log.peak = Math.max(log.peak, log.inFlight);
    const { latencyMs = 50, error, text = successText, usage = { inputTokens: 20, outputTokens: 10 } } = getResult(call);
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, latencyMs);
        const onAbort = () => {
          clearTimeout(timer);
          reject(signal?.reason);
        };
        if (signal?.aborted) onAbort();
        else signal?.addEventListener("abort", onAbort, { once: true });
      });
    } finally {
      log.inFlight--;
    }
    if (error) throw error;
    return { text, finishReason: "stop", usage, model: "simulated" } satisfies ModelResponse;
  };
  return { callModel, log };
}

export function createRateLimitError(retryAfterMs?: number): AttemptError {
  return new AttemptError("model_rate_limited", "HTTP 429", { retryable: true, status: 429, retryAfterMs });
}

export function createUnavailableError(status = 500, details: { retryable?: boolean; retryAfterMs?: number } = {}): AttemptError {
  return new AttemptError("model_unavailable", `HTTP ${status}`, { retryable: true, status, ...details });
}

/** Creates the error of a request that could not be sent. */
export function createConnectionError(): AttemptError {
  return new AttemptError("model_unavailable", "the connection failed", { retryable: true, requestNotSent: true });
}

export function createTimeoutError(): AttemptError {
  return new AttemptError("model_timeout", "no response within 5 s", { retryable: true });
}

export function createBadRequestError(): AttemptError {
  return new AttemptError("model_bad_request", "HTTP 400", { retryable: false, status: 400 });
}
