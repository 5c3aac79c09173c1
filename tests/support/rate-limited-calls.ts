import { vi } from "vitest";

import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import type { CallModel, ModelRequest } from "../../src/model-calls/model-call.js";
import type { EndpointStatus, RateLimiter } from "../../src/model-calls/rate-limit/rate-limiter.js";
import { createRequest } from "./model-requests.js";

/** Default endpoint of the calls, which only simulated endpoints answer. */
export const testEndpoint = "https://models.example/v1";

/** Text of every successful response. */
export const successText = "Because.";

/** Makes calls at the same time. Returns a list that collects their results: response texts and errors. */
export function callMany(
  callModel: CallModel,
  count: number,
  buildRequest: () => ModelRequest = () => createRequest(testEndpoint),
  signal?: AbortSignal,
): unknown[] {
  const results: unknown[] = [];
  for (let index = 0; index < count; index++) {
    callModel(buildRequest(), { signal }).then(
      (response) => results.push(response.text),
      (error: unknown) => results.push(error),
    );
  }
  return results;
}

/** Retries on the fake clock, one second after each failed attempt. */
export function withFixedRetry(next: CallModel, maxAttempts: number): CallModel {
  return async (request, config) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(request, config);
      } catch (error) {
        if (attempt === maxAttempts || !(error instanceof AttemptError)) throw error;
        await new Promise((resolve) => void setTimeout(resolve, 1_000));
      }
    }
  };
}

/** Returns the results of `callMany` if every call succeeds. */
export function createSuccesses(count: number): string[] {
  return Array<string>(count).fill(successText);
}

/** Returns the status of the rate limiter's first queue. */
export function getFirstStatus(rateLimiter: RateLimiter): EndpointStatus | undefined {
  return rateLimiter.getStatus()[0];
}

/** Advances the fake clock. */
export async function advanceTime(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

/** Advances the fake clock until the condition is true. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await advanceTime(10);
}
