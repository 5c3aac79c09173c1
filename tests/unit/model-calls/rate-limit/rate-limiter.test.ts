import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ReviewInstructError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { EndpointUnavailableError } from "../../../../src/model-calls/rate-limit/endpoint-unavailable-error.js";
import { createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";
import {
  advanceTime,
  callMany,
  createSuccesses,
  getFirstStatus,
  successText,
  testEndpoint,
  waitUntil,
  withFixedRetry,
} from "../../../support/rate-limited-calls.js";
import { createRateLimitError, createSimulatedEndpoint, createUnavailableError } from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("createRateLimiter: concurrency", () => {
  it("reaches its maximum within three round trips on a steady endpoint, and does not exceed it", async () => {
    const { callModel, log } = createSimulatedEndpoint();
    const rateLimiter = createRateLimiter();
    const results = callMany(rateLimiter.middleware(callModel), 1_000);
    await advanceTime(1);
    expect(getFirstStatus(rateLimiter)).toEqual({
      endpoint: testEndpoint,
      model: "openai:test-model",
      active: 8,
      queued: 992,
      limit: 8,
      state: "closed",
    });
    await advanceTime(150);
    expect(log.inFlight).toBe(64);
    await advanceTime(2_000);
    expect(results).toEqual(createSuccesses(1_000));
    expect(log.peak).toBe(64);
    expect(getFirstStatus(rateLimiter)).toMatchObject({ active: 0, queued: 0, limit: 64 });
  });

  it("takes at most 1.10 times the ideal time for many calls", async () => {
    const { callModel } = createSimulatedEndpoint();
    const start = performance.now();
    const limitedCallModel = createRateLimiter().middleware(callModel);
    const results = callMany(limitedCallModel, 2_000);
    await waitUntil(() => results.length === 2_000);
    expect(results).toEqual(createSuccesses(2_000));
    expect(performance.now() - start).toBeLessThan(1.1 * (2_000 / 64) * 50);
  });

  it("halves for many 429s and recovers", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ at, inFlight }) => (at < 5_000 && inFlight > 20 ? { error: createRateLimitError() } : {}));
    const rateLimiter = createRateLimiter();
    const results = callMany(withFixedRetry(rateLimiter.middleware(callModel), 50), 5_000);
    await advanceTime(4_500);
    expect(getFirstStatus(rateLimiter)?.limit).toBeLessThan(48);
    await advanceTime(100_000);
    expect(getFirstStatus(rateLimiter)?.limit).toBe(64);
    expect(results).toEqual(createSuccesses(5_000));
    expect(log.peak).toBeLessThanOrEqual(64);
  });
});

describe("createRateLimiter: pauses", () => {
  it("sends no call while the endpoint asks to wait, by a 429 or a 503", async () => {
    for (const error of [createRateLimitError(30_000), createUnavailableError(503, { retryAfterMs: 30_000 })]) {
      const { callModel, log } = createSimulatedEndpoint(({ index }) => (index >= 8 && index < 16 ? { error } : {}));
      const rateLimiter = createRateLimiter({ maxConcurrency: 8 });
      const results = callMany(rateLimiter.middleware(callModel), 50);
      await advanceTime(110);
      expect(getFirstStatus(rateLimiter)?.state).toBe("rate-limited");
      const sentBefore = log.calls.length;
      await advanceTime(29_900);
      expect(log.calls).toHaveLength(sentBefore);
      await advanceTime(1_000);
      expect(log.calls).toHaveLength(50);
      expect(results.filter((result) => result === error)).toHaveLength(8);
      expect(results).toHaveLength(50);
    }
  });

  it("grows the pause once per round trip while the endpoint names no time, and starts small again after a response", async () => {
    let isRejecting = true;
    const { callModel, log } = createSimulatedEndpoint(() => (isRejecting ? { error: createRateLimitError() } : {}));
    const limitedCallModel = createRateLimiter().middleware(callModel);
    const getGaps = (first: number) => {
      const bursts = [...new Set(log.calls.slice(first).map(({ at }) => at))];
      return bursts.slice(1).map((at, index) => at - (bursts[index] ?? 0));
    };
    const results = callMany(limitedCallModel, 50);
    await advanceTime(20_000);
    expect(getGaps(0)).toEqual([50, 250, 1_050, 4_050]);
    isRejecting = false;
    await waitUntil(() => results.length === 50);
    isRejecting = true;
    const first = log.calls.length;
    callMany(limitedCallModel, 50);
    await advanceTime(4_000);
    expect(getGaps(first)).toEqual([50, 250, 1_050]);
  });

  it("fails waiting calls at once if the endpoint asks for a pause above the maximum", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ index }) => (index === 0 ? { error: createRateLimitError(7 * 3_600_000) } : {}));
    const rateLimiter = createRateLimiter({ initialConcurrency: 1 });
    const results = callMany(rateLimiter.middleware(callModel), 3);
    await advanceTime(60);
    expect(results).toHaveLength(3);
    expect(results[1]).toBeInstanceOf(EndpointUnavailableError);
    expect(results[1]).toMatchObject({ code: "endpoint_unavailable", message: expect.stringContaining("asks for a pause of 25200 s") });
    await advanceTime(7 * 3_600_000);
    expect(callMany(rateLimiter.middleware(callModel), 1)).toEqual([]);
    await advanceTime(60);
    expect(log.calls).toHaveLength(2);
  });

  it("does not pause for an account without quota", async () => {
    const error = new AttemptError("model_insufficient_quota", "HTTP 429: insufficient_quota", { retryable: false, status: 429 });
    const rateLimiter = createRateLimiter();
    const results = callMany(rateLimiter.middleware(createSimulatedEndpoint(() => ({ error })).callModel), 100);
    await advanceTime(1_000);
    expect(results).toEqual(Array(100).fill(error));
    expect(getFirstStatus(rateLimiter)).toMatchObject({ limit: 8, state: "closed" });
  });
});

describe("createRateLimiter: rates", () => {
  it("keeps every minute within rpm, retries included", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ index }) => (index % 3 === 0 ? { error: createUnavailableError() } : {}));
    const results = callMany(withFixedRetry(createRateLimiter({ rpm: 20 }).middleware(callModel), 7), 100);
    await advanceTime(15 * 60_000);
    expect(results).toEqual(createSuccesses(100));
    for (const { at } of log.calls) expect(log.calls.filter((call) => call.at >= at && call.at <= at + 60_000).length).toBeLessThanOrEqual(20);
  });

  it("keeps every minute within tpm, and learns how many tokens calls use", async () => {
    const { callModel, log } = createSimulatedEndpoint(() => ({ usage: { inputTokens: 20, outputTokens: 30 } }));
    const results = callMany(createRateLimiter({ tpm: 1_000 }).middleware(callModel), 100);
    await advanceTime(60_500);
    // The first estimate is 9 + 128 tokens per call; they use 50.
    expect(log.calls.length).toBeGreaterThanOrEqual(18);
    expect(log.calls.length).toBeLessThanOrEqual(20);
    await advanceTime(6 * 60_000);
    expect(results).toEqual(createSuccesses(100));
    for (const { at } of log.calls)
      expect(log.calls.filter((call) => call.at >= at && call.at <= at + 60_000).length * 50).toBeLessThanOrEqual(1_000);
  });
});

describe("createRateLimiter: aborts", () => {
  const reason = new Error("stopped by the user");

  it("ends the wait of an aborted call, anywhere in the queue, and continues for the others", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ index }) => (index < 5 ? { error: createRateLimitError(60_000) } : {}));
    const rateLimiter = createRateLimiter({ initialConcurrency: 1, maxConcurrency: 1 });
    const first = callMany(rateLimiter.middleware(callModel), 5);
    await advanceTime(300);
    const controller = new AbortController();
    const aborted = callMany(rateLimiter.middleware(callModel), 3, undefined, controller.signal);
    const others = callMany(rateLimiter.middleware(callModel), 2);
    await advanceTime(100);
    expect(getFirstStatus(rateLimiter)).toMatchObject({ state: "rate-limited", queued: 5, active: 0 });
    controller.abort(reason);
    await advanceTime(1);
    expect(first).toHaveLength(5);
    expect(aborted).toEqual([reason, reason, reason]);
    expect(getFirstStatus(rateLimiter)).toMatchObject({ queued: 2 });
    await advanceTime(61_000);
    expect(others).toEqual(createSuccesses(2));
    expect(log.calls).toHaveLength(7);
  });
});

describe("createRateLimiter: endpoints", () => {
  it("limits each endpoint and model independently", async () => {
    const createRequestTo = (baseUrl: string, model: string) => () => createRequest(null, { settings: createModelSettings(baseUrl, { model }) });
    const { callModel, log } = createSimulatedEndpoint(({ request }) =>
      request.settings.model === "openai:limited"
        ? { error: createRateLimitError(600_000) }
        : request.settings.baseUrl?.includes("dead")
          ? { error: createUnavailableError() }
          : {},
    );
    const rateLimiter = createRateLimiter();
    const limitedCallModel = rateLimiter.middleware(callModel);
    callMany(limitedCallModel, 100, createRequestTo("http://127.0.0.1:1/v1", "openai:limited"));
    callMany(limitedCallModel, 100, createRequestTo("http://127.0.0.1:2/dead", "openai:good"));
    const good = callMany(limitedCallModel, 300, createRequestTo("http://127.0.0.1:1/v1/", "openai:good"));
    await advanceTime(600);
    expect(good).toEqual(createSuccesses(300));
    expect(rateLimiter.getStatus().map(({ endpoint, model, state }) => [endpoint, model, state])).toEqual([
      ["http://127.0.0.1:1/v1", "openai:limited", "rate-limited"],
      ["http://127.0.0.1:2/dead", "openai:good", "open"],
      ["http://127.0.0.1:1/v1", "openai:good", "closed"],
    ]);
    expect(log.calls.filter(({ request }) => request.settings.model === "openai:limited")).toHaveLength(8);
  });

  it("does not limit calls without an endpoint", async () => {
    const { callModel, log } = createSimulatedEndpoint();
    const rateLimiter = createRateLimiter({ maxConcurrency: 1, rpm: 1 });
    const results = callMany(rateLimiter.middleware(callModel), 500, () =>
      createRequest(null, { settings: createModelSettings(null, { model: "offline" }) }),
    );
    await advanceTime(60);
    expect(log.peak).toBe(500);
    expect(results).toEqual(createSuccesses(500));
    expect(rateLimiter.getStatus()).toEqual([]);
  });

  it("removes idle queues on a server that sees many endpoints", async () => {
    const rateLimiter = createRateLimiter();
    const callModel = rateLimiter.middleware(createSimulatedEndpoint().callModel);
    for (let port = 1; port <= 2_500; port++) {
      await Promise.all([callModel(createRequest(`http://127.0.0.1:${port}/v1`), {}), advanceTime(50)]);
    }
    expect(rateLimiter.getStatus().length).toBeLessThanOrEqual(1_000);
  });
});

describe("createRateLimiter: close", () => {
  it("rejects waiting and later calls, and lets calls in flight finish", async () => {
    const { callModel, log } = createSimulatedEndpoint();
    const rateLimiter = createRateLimiter();
    const results = callMany(rateLimiter.middleware(callModel), 20);
    await advanceTime(10);
    rateLimiter.close();
    await advanceTime(1);
    expect(results).toHaveLength(12);
    await advanceTime(50);
    results.push(
      ...callMany(rateLimiter.middleware(callModel), 2),
      ...callMany(rateLimiter.middleware(callModel), 1, () => createRequest("http://127.0.0.1:10/v1")),
    );
    await advanceTime(1);
    expect(log.calls).toHaveLength(8);
    expect(results.filter((result) => result === successText)).toHaveLength(8);
    for (const error of results.filter((result) => result !== successText)) expect(error).toMatchObject({ code: "rate_limiter_closed" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("rejects the call that waits to be sent next", async () => {
    const rateLimiter = createRateLimiter({ rpm: 1 });
    const results = callMany(rateLimiter.middleware(createSimulatedEndpoint().callModel), 3);
    await advanceTime(100);
    rateLimiter.close();
    await advanceTime(1);
    expect(results).toHaveLength(3);
    expect(results[2]).toBeInstanceOf(ReviewInstructError);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("createRateLimiter throws for invalid options", () => {
  expect(() => createRateLimiter({ maxConcurrency: 0 })).toThrow(/maxConcurrency/);
  expect(() => createRateLimiter({ rpm: 0.5 })).toThrow(/rpm/);
});
