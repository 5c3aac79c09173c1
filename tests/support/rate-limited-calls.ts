import { vi } from "vitest";

import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import type { RateLimiter } from "../../src/model-calls/rate-limit/rate-limiter.js";
import type { CallModel, ModelRequest } from "../../src/model-calls/model-call.js";
import { requestTo } from "./model-requests.js";

/** Where the calls go that say nothing else. Nobody listens there. */
export const here = "http://127.0.0.1:9/v1";

/** Makes so many calls at once and collects what becomes of them: texts and errors. */
export function callMany(access: CallModel, count: number, request: () => ModelRequest = () => requestTo(here), signal?: AbortSignal): unknown[] {
  const outcomes: unknown[] = [];
  for (let index = 0; index < count; index++) {
    access(request(), { signal }).then(
      (reply) => outcomes.push(reply.text),
      (error: unknown) => outcomes.push(error),
    );
  }
  return outcomes;
}

/** A retry layer on the test's clock: so many attempts, a second apart. */
export function retrying(access: CallModel, attempts: number): CallModel {
  return async (request, config) => {
    for (let left = attempts - 1; ; left--) {
      try {
        return await access(request, config);
      } catch (error) {
        if (left === 0 || !(error instanceof AttemptError)) throw error;
        await new Promise((resolve) => void setTimeout(resolve, 1_000));
      }
    }
  };
}

export const answered = (count: number) => Array<string>(count).fill("Because.");

export const getStatus = (gate: RateLimiter) => gate.getStatus()[0];

/** Lets time pass on the fake clock. */
export const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pass(10);
}
