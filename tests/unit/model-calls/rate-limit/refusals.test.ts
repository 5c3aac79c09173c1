import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import type { CallModel } from "../../../../src/model-calls/model-call.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { createRequest } from "../../../support/model-requests.js";
import { callMany, createSuccesses, getFirstStatus, testEndpoint, waitUntil } from "../../../support/rate-limited-calls.js";
import { type SimulatedCall, createRateLimitError, createSimulatedEndpoint } from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Returns numbers from 0 to 1 that look random, the same in every run. */
function createChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Retries on the fake clock, as the retry middleware does on the real one. */
function withClockRetry(next: CallModel): CallModel {
  return async (request, config) => {
    for (let attempts = 1; ; attempts++) {
      try {
        return await next(request, config);
      } catch (error) {
        if (!(error instanceof AttemptError) || attempts > 6) throw error;
        const delayMs = error.details.retryAfterMs || 250 * 2 ** (attempts - 1);
        await new Promise((resolve) => void setTimeout(resolve, delayMs));
      }
    }
  };
}

/** Runs conversations of several calls, one after the other in each. Returns the time it took in milliseconds. */
async function runConversations(callModel: CallModel, count: number, callsEach: number): Promise<number> {
  const startedAt = performance.now();
  const retried = withClockRetry(callModel);
  let isFinished = false;
  const runOne = async () => {
    for (let call = 0; call < callsEach; call++) await retried(createRequest(testEndpoint), {});
  };
  const conversations = Promise.all(Array.from({ length: count }, runOne)).finally(() => (isFinished = true));
  await waitUntil(() => isFinished);
  await conversations;
  return performance.now() - startedAt;
}

describe("createRateLimiter: refusals by chance", () => {
  it.each([
    ["at random", 3, 10],
    ["at random", 4, 200],
    ["at random", 5, 4_000],
  ])("takes at most three times as long where one call in ten is refused %s (seed %i, latency %i ms)", async (_how, seed, latencyMs) => {
    const steady = await runConversations(createRateLimiter().middleware(createSimulatedEndpoint(() => ({ latencyMs })).callModel), 64, 12);
    const chance = createChance(seed);
    const { callModel } = createSimulatedEndpoint(() =>
      chance() < 0.1 ? { latencyMs: 5, error: createRateLimitError(Math.floor(chance() * 2) * 1_000) } : { latencyMs },
    );
    const rateLimiter = createRateLimiter();
    const refused = await runConversations(rateLimiter.middleware(callModel), 64, 12);
    // Each conversation waits for its own refusals: on average half a second, at worst some seconds.
    expect(refused).toBeLessThan(Math.max(3 * steady, steady + 6_000));
    expect(getFirstStatus(rateLimiter)?.limit).toBeGreaterThanOrEqual(32);
  });
});

describe("createRateLimiter: real limits", () => {
  /** Creates an endpoint with a quota per minute, whose refusals name the time until there is room. */
  function createQuota(perMinute: number, cost: number) {
    const admitted: number[] = [];
    return ({ at }: SimulatedCall) => {
      while (admitted[0] !== undefined && admitted[0] <= at - 60_000) admitted.shift();
      if ((admitted.length + 1) * cost > perMinute)
        return { latencyMs: 20, error: createRateLimitError(Math.ceil((admitted[0] ?? at) + 60_000 - at)) };
      admitted.push(at);
      return { latencyMs: 500 };
    };
  }

  it.each([
    ["requests", 100, 1],
    ["tokens", 90_000, 500],
  ])("stays free of storms at a quota of %s a minute", async (_unit, perMinute, cost) => {
    const { callModel, log } = createSimulatedEndpoint(createQuota(perMinute, cost));
    const results = callMany(withClockRetry(createRateLimiter().middleware(callModel)), 600);
    await waitUntil(() => results.length === 600);
    expect(results).toEqual(createSuccesses(600));
    // Less than half of the requests in vain, most of them in flight when the quota was reached.
    expect(log.calls.length).toBeLessThan(600 * 1.5);
  });
});
