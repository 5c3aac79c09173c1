import { setTimeout as delay } from "node:timers/promises";

import pRetry from "p-retry";

import { type ModelCallCode, ReviewInstructError } from "../../errors.js";
import { AttemptError } from "../attempt/attempt-error.js";
import { type CallModel, type DescribeEndpoint, type ModelRequest, describeBaseUrl } from "../model-call.js";
import { toModelCallError } from "./model-call-error.js";

/** Event before each wait. */
export interface RetryEvent extends Pick<ModelRequest, "caller"> {
  readonly model: string;
  readonly endpoint: string;
  readonly code: ModelCallCode;
  /** What went wrong, without secrets. */
  readonly reason: string;
  /** Number of attempts so far. */
  readonly attempts: number;
  /** Milliseconds until the next attempt. */
  readonly delayMs: number;
}

/** Options of {@link withRetry}. */
export interface RetryOptions {
  /**
   * Maximum number of attempts after the first one.
   * @default 6
   */
  readonly maxRetries?: number;
  /**
   * Upper bound of the first wait in milliseconds. It doubles with each attempt.
   * @default 500
   */
  readonly minDelayMs?: number;
  /**
   * Upper bound of every wait in milliseconds, unless the endpoint asks for a longer one.
   * @default 60000
   */
  readonly maxDelayMs?: number;
  readonly onRetry?: (event: RetryEvent) => void;
  /** Ends waits between attempts, with the code `rate_limiter_closed`. Attempts in flight continue. */
  readonly stop?: AbortSignal;
  /** Names the endpoint in errors and events. */
  readonly describeEndpoint?: DescribeEndpoint;
}

/** Ten minutes. An endpoint that asks for more does not work for this run. */
const maxRetryAfterMs = 600_000;
/** After a timeout many servers go on computing, so that each further attempt only adds to their work. */
const maxTimeouts = 3;

/**
 * Retries failed attempts. It is the only place that does.
 *
 * Waits as long as the endpoint asks (`Retry-After`), otherwise a random time below an exponential bound ("full jitter",
 * M. Brooker, AWS Architecture Blog, 2015), and stops at once when the signal aborts. The last `AttemptError` becomes a
 * `ModelCallError`; every other error is rethrown unchanged.
 */
export function withRetry(next: CallModel, options: RetryOptions = {}): CallModel {
  const { maxRetries = 6, minDelayMs = 500, maxDelayMs = 60_000, onRetry, stop, describeEndpoint = describeBaseUrl } = options;

  function getRetryDelay({ details }: AttemptError, attempts: number): number {
    // A Retry-After of 0 counts as none: an endpoint that repeats it would use up all attempts within a moment.
    return details.retryAfterMs || Math.random() * Math.min(maxDelayMs, minDelayMs * 2 ** (attempts - 1));
  }

  return async (request, config) => {
    const { signal } = config;
    const endpoint = describeEndpoint(request.settings) ?? request.settings.model;
    let attempts = 0;
    let timeouts = 0;
    try {
      return await pRetry(
        () => {
          attempts++;
          return next(request, config);
        },
        {
          retries: maxRetries,
          signal,
          // Waiting happens in shouldRetry, as p-retry supports neither Retry-After nor full jitter.
          minTimeout: 0,
          shouldRetry: async ({ error }) => {
            if (!(error instanceof AttemptError) || !error.details.retryable || exceedsMaxRetryAfter(error)) return false;
            if (error.code === "model_timeout" && ++timeouts >= maxTimeouts) return false;
            const delayMs = getRetryDelay(error, attempts);
            const { caller, settings } = request;
            onRetry?.({ caller, model: settings.model, endpoint, code: error.code, reason: error.message, attempts, delayMs });
            await waitForRetry(delayMs, signal, stop);
            return true;
          },
        },
      );
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof AttemptError)) throw error;
      const note = exceedsMaxRetryAfter(error)
        ? `It asks to wait ${Math.ceil((error.details.retryAfterMs ?? 0) / 1000)} s, longer than the maximum of ${maxRetryAfterMs / 1000} s.`
        : undefined;
      throw toModelCallError(request, error, endpoint, attempts, note);
    }
  };
}

function exceedsMaxRetryAfter({ details }: AttemptError): boolean {
  return details.retryable && (details.retryAfterMs ?? 0) > maxRetryAfterMs;
}

/** Waits, unless one of the signals aborts. Neither keeps a listener. */
async function waitForRetry(delayMs: number, signal: AbortSignal | undefined, stop: AbortSignal | undefined): Promise<void> {
  if (!stop) return delay(delayMs, undefined, { signal });
  const wait = new AbortController();
  const stopWaiting = () => wait.abort();
  for (const source of [signal, stop]) source?.addEventListener("abort", stopWaiting, { once: true });
  if (stop.aborted || signal?.aborted) stopWaiting();
  try {
    await delay(delayMs, undefined, { signal: wait.signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (!stop.aborted) throw error;
    throw new ReviewInstructError("rate_limiter_closed", "The job is stopping: the call is not sent again.");
  } finally {
    for (const source of [signal, stop]) source?.removeEventListener("abort", stopWaiting);
  }
}
