import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ModelCallError, ReviewInstructError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { isEndpointCheck } from "../../../../src/model-calls/endpoint-check.js";
import { EndpointUnavailableError } from "../../../../src/model-calls/rate-limit/endpoint-unavailable-error.js";
import { type CircuitChange, type RateLimiterOptions, createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import { createRequest } from "../../../support/model-requests.js";
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
import { createBadRequestError, createSimulatedEndpoint, createTimeoutError, createUnavailableError } from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

let changes: CircuitChange[];
beforeEach(() => {
  changes = [];
});

/** Creates a rate limiter whose circuit changes are recorded. */
function createObservedRateLimiter(options: RateLimiterOptions = {}) {
  return createRateLimiter({ onStateChange: (change) => changes.push(change), ...options });
}

const getStates = () => changes.map(({ state }) => state);

describe("createRateLimiter during an outage", () => {
  it("stops calls, sends probes, and uses up no retries", async () => {
    let isUp = false;
    const { callModel, log } = createSimulatedEndpoint(() => (isUp ? {} : { error: createUnavailableError(503) }));
    const rateLimiter = createObservedRateLimiter();
    const results = callMany(withFixedRetry(rateLimiter.middleware(callModel), 4), 50);
    await advanceTime(10_000);
    expect(getFirstStatus(rateLimiter)).toMatchObject({ state: "open", active: 0 });
    const sentBefore = log.calls.length;
    await advanceTime(110_000);
    // Only probes, 10, 20 and 40 s after the first one.
    expect(log.calls.length - sentBefore).toBe(3);
    isUp = true;
    await advanceTime(60_000);
    expect(results).toEqual(createSuccesses(50));
    expect(getFirstStatus(rateLimiter)).toMatchObject({ state: "closed", active: 0, queued: 0 });
    expect(getStates()).toEqual(["open", ...Array(4).fill(["half-open", "open"]).flat(), "half-open", "closed"]);
    expect(changes[0]).toMatchObject({ endpoint: testEndpoint, model: "openai:test-model", lastError: "HTTP 503" });
    expect(changes.at(-1)?.since).toEqual(changes[0]?.since);
  });

  it("uses up no retries of a single call either", async () => {
    let isUp = false;
    const { callModel, log } = createSimulatedEndpoint(() => (isUp ? {} : { error: createUnavailableError(503) }));
    const results = callMany(withFixedRetry(createObservedRateLimiter().middleware(callModel), 4), 1);
    await advanceTime(300_000);
    expect(results).toEqual([]);
    expect(log.calls.length).toBeGreaterThan(6);
    isUp = true;
    await advanceTime(60_000);
    expect(results).toEqual(createSuccesses(1));
  });

  it("retries calls that were hanging when the circuit opened", async () => {
    const { callModel } = createSimulatedEndpoint(({ at, index }) =>
      at < 20_000 ? { latencyMs: 9_000 + index * 150, error: createTimeoutError() } : {},
    );
    const results = callMany(createObservedRateLimiter({ initialConcurrency: 40 }).middleware(callModel), 60);
    await advanceTime(60_000);
    expect(results.filter((result) => result === successText)).toHaveLength(51);
    expect(results.filter((result) => result instanceof Error)).toHaveLength(9);
    expect(getStates()).toContain("closed");
  });

  it("does not open the circuit for failures between other responses", async () => {
    const { callModel } = createSimulatedEndpoint(({ index }) => ({
      error: index % 5 === 4 ? createBadRequestError() : createUnavailableError(500),
    }));
    const results = callMany(createObservedRateLimiter().middleware(callModel), 100);
    await advanceTime(5_000);
    expect(results).toHaveLength(100);
    expect(changes).toEqual([]);
  });

  it("does not open the circuit for errors that are not retryable", async () => {
    const error = createUnavailableError(500, { retryable: false });
    const rateLimiter = createObservedRateLimiter();
    const results = callMany(rateLimiter.middleware(createSimulatedEndpoint(() => ({ error })).callModel), 100);
    await advanceTime(5_000);
    expect(results).toEqual(Array(100).fill(error));
    expect(changes).toEqual([]);
  });

  it.each([
    new TypeError("a bug"),
    new AttemptError("model_invalid_configuration", "no key", { retryable: false }),
    new AttemptError("model_unauthorized", "HTTP 401", { retryable: false, status: 401 }),
  ])("lets calls meet an error that is no outage themselves: %s", async (error) => {
    const { callModel } = createSimulatedEndpoint(({ index }) => (index < 10 ? { error: createUnavailableError(503) } : { error }));
    const results = callMany(createObservedRateLimiter({ initialConcurrency: 1 }).middleware(callModel), 20);
    await advanceTime(7_000);
    expect(getStates()).toEqual(["open", "half-open", "closed"]);
    expect(results.slice(9)).toEqual(Array(11).fill(error));
  });

  it("sends the calls that failed in the outage before later ones", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ index }) => (index < 4 ? { error: createUnavailableError(503) } : {}));
    let count = 0;
    const createNumberedRequest = () => createRequest(testEndpoint, { caller: { name: String(count++) } });
    callMany(createObservedRateLimiter({ failureThreshold: 1, initialConcurrency: 4 }).middleware(callModel), 9, createNumberedRequest);
    await advanceTime(10_000);
    // The fifth call was the next one to be sent. It sends the probe.
    expect(log.calls.map(({ request }) => (isEndpointCheck(request) ? "?" : request.caller.name)).join("")).toMatch(/^0123\?[0-4]{5}[5-8]{4}$/);
  });

  it("starts again with few calls in flight", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ at }) => (at > 2_000 && at < 20_000 ? { error: createUnavailableError(503) } : {}));
    const rateLimiter = createObservedRateLimiter();
    callMany(withFixedRetry(rateLimiter.middleware(callModel), 7), 5_000);
    await advanceTime(1_999);
    expect(getFirstStatus(rateLimiter)?.limit).toBe(64);
    await waitUntil(() => changes.at(-1)?.state === "closed");
    expect(log.inFlight).toBeLessThanOrEqual(8);
  });

  it("fails waiting and later calls with EndpointUnavailableError after giveUpAfterMs, until the endpoint is back", async () => {
    let isUp = false;
    const { callModel, log } = createSimulatedEndpoint(() => (isUp ? {} : { error: createUnavailableError() }));
    const rateLimiter = createObservedRateLimiter({ giveUpAfterMs: 120_000 });
    const results = callMany(withFixedRetry(rateLimiter.middleware(callModel), 7), 30);
    await advanceTime(119_000);
    expect(results).toEqual([]);
    await advanceTime(70_000);
    expect(results).toHaveLength(30);
    for (const error of results) {
      expect(error).toBeInstanceOf(EndpointUnavailableError);
      expect(error).not.toBeInstanceOf(ModelCallError);
      expect(error).toMatchObject({
        code: "endpoint_unavailable",
        details: { endpoint: testEndpoint, model: "openai:test-model" },
        message: expect.stringMatching(
          /^https:\/\/models\.example\/v1 has answered every request with an error since \d{4}-.*last error was "HTTP 500".*resume the run/,
        ),
      });
    }
    expect(getFirstStatus(rateLimiter)).toMatchObject({ state: "unavailable", queued: 0 });
    const sentBefore = log.calls.length;
    const later = callMany(rateLimiter.middleware(callModel), 20);
    await advanceTime(1_000);
    expect(later).toHaveLength(20);
    for (const error of later) expect(error).toBeInstanceOf(EndpointUnavailableError);
    expect(log.calls.length - sentBefore).toBeLessThanOrEqual(1);
    isUp = true;
    await advanceTime(60_000);
    const back = callMany(rateLimiter.middleware(callModel), 1);
    await advanceTime(1_000);
    expect(back).toEqual(createSuccesses(1));
    expect(getFirstStatus(rateLimiter)?.state).toBe("closed");
  });

  it("fails waiting calls in time even while a probe hangs", async () => {
    const { callModel } = createSimulatedEndpoint(({ index }) =>
      index < 10 ? { error: createUnavailableError(503) } : { latencyMs: 600_000, error: createTimeoutError() },
    );
    const results = callMany(createObservedRateLimiter({ giveUpAfterMs: 60_000, initialConcurrency: 1 }).middleware(callModel), 30);
    await advanceTime(62_000);
    expect(results.filter((result) => result instanceof EndpointUnavailableError)).toHaveLength(21);
    expect(results).toHaveLength(30);
  });

  it("continues a probe whose call is aborted, for the others", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ index }) => (index < 10 ? { error: createUnavailableError(503) } : { latencyMs: 1_000 }));
    const rateLimiter = createRateLimiter({ initialConcurrency: 1 });
    callMany(rateLimiter.middleware(callModel), 10);
    const controller = new AbortController();
    const reason = new Error("stopped by the user");
    const aborted = callMany(rateLimiter.middleware(callModel), 1, undefined, controller.signal);
    const others = callMany(rateLimiter.middleware(callModel), 2);
    await waitUntil(() => log.calls.length === 11);
    expect(getFirstStatus(rateLimiter)?.state).toBe("half-open");
    controller.abort(reason);
    await advanceTime(1);
    expect(aborted).toEqual([reason]);
    expect(log.calls).toHaveLength(11);
    await advanceTime(5_000);
    expect(others).toEqual(createSuccesses(2));
  });

  it("aborts a probe when the rate limiter is closed", async () => {
    const { callModel, log } = createSimulatedEndpoint(({ index }) => (index < 10 ? { error: createUnavailableError(503) } : { latencyMs: 600_000 }));
    const rateLimiter = createRateLimiter({ initialConcurrency: 1, maxConcurrency: 1 });
    const results = callMany(rateLimiter.middleware(callModel), 20);
    await waitUntil(() => log.calls.length === 11 && log.inFlight === 1);
    rateLimiter.close();
    await advanceTime(1);
    expect(log.inFlight).toBe(0);
    expect(results.slice(-11).map((result) => (result instanceof ReviewInstructError ? result.code : result))).toEqual(
      Array(11).fill("rate_limiter_closed"),
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("createRateLimiter: prompts that an endpoint cannot take", () => {
  const poison = "poison";
  /** Creates an endpoint that fails with this error for poisoned requests, and answers all others. */
  const createPoisonedEndpoint = (error: Error) => createSimulatedEndpoint(({ request }) => (request.caller.name === poison ? { error } : {}));

  it.each([
    [1, createUnavailableError(500)],
    [8, createUnavailableError(500)],
    [1, createUnavailableError(503)],
    [8, createTimeoutError()],
  ])("lets ten of twenty calls fail and no other, %i at a time: %s", async (initialConcurrency, error) => {
    const rateLimiter = createObservedRateLimiter({ initialConcurrency, maxConcurrency: initialConcurrency });
    const { callModel, log } = createPoisonedEndpoint(error);
    const limited = withFixedRetry(rateLimiter.middleware(callModel), 5);
    const failing = callMany(limited, 10, () => createRequest(testEndpoint, { caller: { name: poison } }));
    const others = callMany(limited, 10);
    await advanceTime(400_000);
    expect(failing).toHaveLength(10);
    for (const result of failing) expect(result).toMatchObject({ code: error.code, message: error.message });
    expect(others).toEqual(createSuccesses(10));
    // Five attempts a call, some more that did not count, and the probes.
    expect(log.calls.length).toBeLessThan(10 * 5 + 10 + 50);
  });

  it("gives up an endpoint that answers only the smallest request", async () => {
    const { callModel } = createPoisonedEndpoint(createUnavailableError(500));
    const limited = withFixedRetry(createObservedRateLimiter().middleware(callModel), 7);
    const results = callMany(limited, 100, () => createRequest(testEndpoint, { caller: { name: poison } }));
    await advanceTime(600_000);
    expect(results.filter((result) => result instanceof EndpointUnavailableError).length).toBeGreaterThan(60);
  });
});
