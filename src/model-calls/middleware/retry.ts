import { setTimeout as delay } from "node:timers/promises";

import pRetry from "p-retry";

import type { ModelCallCode } from "../../errors.js";
import { type CallModel, type DescribeEndpoint, type ModelRequest, describeBaseUrl } from "../model-call.js";
import { AttemptError } from "../attempt/attempt-error.js";
import { modelCallError } from "./model-call-error.js";

/** Told before each wait. */
export interface RetryEvent extends Pick<ModelRequest, "caller"> {
  readonly model: string;
  readonly endpoint: string;
  readonly code: ModelCallCode;
  /** What went wrong, fit to be shown. */
  readonly reason: string;
  /** Attempts made so far. */
  readonly attempts: number;
  /** Milliseconds until the next one. */
  readonly delayMs: number;
}

export interface RetryOptions {
  /** Attempts after the first one. Default 6. */
  readonly maxRetries?: number;
  /** Upper bound of the first wait in milliseconds; it doubles with each attempt. Default 500. */
  readonly minDelayMs?: number;
  /** Upper bound of every wait that we choose ourselves, in milliseconds. Default 60000. */
  readonly maxDelayMs?: number;
  readonly onRetry?: (notice: RetryEvent) => void;
  /** Names the endpoint in errors and events. */
  readonly describeEndpoint?: DescribeEndpoint;
}

/** Ten minutes: an endpoint that asks for more is out of order for this run. */
const maxRetryAfterMs = 600_000;

/**
 * The one retry layer. Waits as long as the endpoint asks (`Retry-After`), else a random time below an exponential bound
 * ("full jitter", M. Brooker, AWS Architecture Blog, 2015), and ends at once when the signal fires. When nothing helps, the
 * last `AttemptError` becomes a `ModelCallError`; every other error passes through.
 */
export function withRetry(access: CallModel, options: RetryOptions = {}): CallModel {
  const { maxRetries = 6, minDelayMs = 500, maxDelayMs = 60_000, onRetry, describeEndpoint = describeBaseUrl } = options;

  function getRetryDelay({ detail }: AttemptError, attempts: number): number {
    // An endpoint that says "now" again and again would eat all attempts within a moment.
    return detail.retryAfterMs || Math.random() * Math.min(maxDelayMs, minDelayMs * 2 ** (attempts - 1));
  }

  return async (request, config) => {
    const { signal } = config;
    const endpoint = describeEndpoint(request.settings) ?? request.settings.model;
    let attempts = 0;
    try {
      return await pRetry(
        () => {
          attempts++;
          return access(request, config);
        },
        {
          retries: maxRetries,
          signal,
          // The waiting is ours: p-retry knows neither Retry-After nor full jitter.
          minTimeout: 0,
          shouldRetry: async ({ error }) => {
            if (!(error instanceof AttemptError) || !error.detail.retryable || exceedsMaxRetryAfter(error)) return false;
            const delayMs = getRetryDelay(error, attempts);
            const { caller, settings } = request;
            onRetry?.({ caller, model: settings.model, endpoint, code: error.code, reason: error.message, attempts, delayMs });
            await delay(delayMs, undefined, { signal });
            return true;
          },
        },
      );
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof AttemptError)) throw error;
      const note = exceedsMaxRetryAfter(error)
        ? `It asks to wait ${Math.ceil(getRetryDelay(error, attempts) / 1000)} s, longer than the ${maxRetryAfterMs / 1000} s that we wait. `
        : "";
      throw modelCallError(request, error, endpoint, attempts, note);
    }
  };
}

function exceedsMaxRetryAfter({ detail }: AttemptError): boolean {
  return detail.retryable && (detail.retryAfterMs ?? 0) > maxRetryAfterMs;
}
