import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import type { CallModel, ModelResponse, ModelRequest, TokenUsage } from "../../src/model-calls/model-call.js";

/** One attempt as it reached the endpoint. Times are those of `performance.now()`. */
export interface SimulatedCall {
  readonly request: ModelRequest;
  readonly index: number;
  readonly at: number;
  /** Attempts in flight, this one included. */
  readonly inFlight: number;
}

export interface SimulatedOutcome {
  readonly latencyMs?: number;
  /** Thrown in place of a reply. */
  readonly error?: Error;
  readonly text?: string;
  readonly usage?: TokenUsage;
}

/**
 * An endpoint without a network, for tests on a fake clock: makes attempts as the room's own attempts do, ends at once when
 * the signal fires, and keeps a log.
 */
export function simulateEndpoint(behave: (call: SimulatedCall) => SimulatedOutcome = () => ({})) {
  const calls: SimulatedCall[] = [];
  const log = { calls, inFlight: 0, peak: 0 };
  const access: CallModel = async (request, { signal }) => {
    const call = { request, index: calls.length, at: performance.now(), inFlight: ++log.inFlight };
    calls.push(call);
    log.peak = Math.max(log.peak, log.inFlight);
    const { latencyMs = 50, error, text = "Because.", usage = { inputTokens: 20, outputTokens: 10 } } = behave(call);
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, latencyMs);
        const stop = () => {
          clearTimeout(timer);
          reject(signal?.reason);
        };
        if (signal?.aborted) stop();
        else signal?.addEventListener("abort", stop, { once: true });
      });
    } finally {
      log.inFlight--;
    }
    if (error) throw error;
    return { text, finishReason: "stop", usage, model: "simulated" } satisfies ModelResponse;
  };
  return { access, log };
}

const retryable = true;
export const refused = (retryAfterMs?: number) => new AttemptError("model_rate_limited", "HTTP 429", { retryable, status: 429, retryAfterMs });
export const unavailable = (status: number | undefined = 500) => new AttemptError("model_unavailable", `HTTP ${status}`, { retryable, status });
export const timedOut = () => new AttemptError("model_timeout", "no reply within 5 s", { retryable });
export const badRequest = () => new AttemptError("model_bad_request", "HTTP 400", { retryable: false, status: 400 });
