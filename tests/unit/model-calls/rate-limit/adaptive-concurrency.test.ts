import { describe, expect, it } from "vitest";

import { AdaptiveConcurrency } from "../../../../src/model-calls/rate-limit/adaptive-concurrency.js";

/** Simulates round trips of a busy endpoint: sends as many calls as the limit allows, and responds to all. */
function simulateEndpoint(limit: AdaptiveConcurrency) {
  let now = 0;
  const history: number[] = [];
  return {
    history,
    /** Runs round trips. Records the limit after each. */
    runRounds(
      count: number,
      getLatencyMs: (inFlight: number, index: number) => number,
      getResponse: (index: number) => { kind: string; tokens: number } = getDefaultResponse,
    ) {
      for (let round = 0; round < count; round++) {
        const startedAt = now;
        const inFlight = limit.value;
        for (let index = 0; index < inFlight; index++) {
          const latencyMs = getLatencyMs(inFlight, index);
          const { kind, tokens } = getResponse(index);
          now = Math.max(now, startedAt + latencyMs);
          limit.onSuccess({ kind, latencyMs, outputTokens: tokens, startedAt }, true, now);
        }
        now++;
        history.push(limit.value);
      }
    },
    rejectAll() {
      const startedAt = now;
      now += 50;
      for (let index = 0; index < limit.value; index++) limit.onRateLimited(startedAt, now);
      now++;
    },
  };
}

const getDefaultResponse = () => ({ kind: "candidate", tokens: 100 });

describe("AdaptiveConcurrency", () => {
  it("doubles every round trip up to its maximum while latency is steady", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(5, () => 50);
    expect(endpoint.history).toEqual([16, 32, 64, 64, 64]);
  });

  it("doubles a slow endpoint's limit only after windows that show that it helps", () => {
    const limit = new AdaptiveConcurrency(4, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(12, () => 5_000);
    expect(endpoint.history).toEqual([4, 8, 8, 16, 16, 32, 32, 64, 64, 64, 64, 64]);
  });

  it("undoes the doubling of a slow endpoint that only makes calls wait for each other", () => {
    const limit = new AdaptiveConcurrency(4, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(30, (inFlight) => 5_000 * Math.max(1, inFlight / 4));
    expect(Math.max(...endpoint.history)).toBe(8);
    expect(Math.max(...endpoint.history.slice(4))).toBeLessThanOrEqual(7);
  });

  it("does not start above its maximum", () => {
    expect(new AdaptiveConcurrency(8, 3).value).toBe(3);
  });

  it("does not grow while too few calls are in flight", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    for (let index = 0; index < 500; index++) {
      limit.onSuccess({ kind: "candidate", latencyMs: 50, outputTokens: 100, startedAt: index * 60 }, false, index * 60 + 50);
    }
    expect(limit.value).toBe(8);
  });

  it("halves once for all rejections of a round trip, down to 1, and then grows by one per round trip", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(3, () => 50);
    endpoint.rejectAll();
    expect(limit.value).toBe(32);
    endpoint.rejectAll();
    expect(limit.value).toBe(16);
    endpoint.runRounds(3, () => 50);
    expect(endpoint.history.slice(-3)).toEqual([17, 18, 19]);
    for (let round = 0; round < 8; round++) endpoint.rejectAll();
    expect(limit.value).toBe(1);
    endpoint.runRounds(400, () => 50);
    expect(limit.value).toBeGreaterThan(16);
  });

  it("does not grow for responses to calls that were sent before a cut", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    limit.onRateLimited(0, 50);
    expect(limit.value).toBe(4);
    for (let index = 0; index < 100; index++) limit.onSuccess({ kind: "candidate", latencyMs: 60, outputTokens: 100, startedAt: 10 }, true, 70);
    expect(limit.value).toBe(4);
    for (let index = 0; index < 100; index++) limit.onSuccess({ kind: "candidate", latencyMs: 60, outputTokens: 100, startedAt: 60 }, true, 120);
    expect(limit.value).toBeGreaterThan(4);
  });

  it("converges to the number of calls at which the endpoint starts to queue them", () => {
    const capacity = 10;
    const limit = new AdaptiveConcurrency(8, 500);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(300, (inFlight) => 2_000 * Math.max(1, inFlight / capacity));
    const limits = endpoint.history.slice(50);
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(capacity);
    expect(Math.max(...limits)).toBeLessThanOrEqual(4 * capacity);
  });

  it("halves when latency has clearly risen", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(20, () => 2_000);
    expect(limit.value).toBe(64);
    // The endpoint lost most of its capacity: more than 16 calls wait for each other.
    const getReducedLatency = (inFlight: number) => 2_000 * Math.max(1, inFlight / 16);
    endpoint.runRounds(2, getReducedLatency);
    expect(limit.value).toBe(32);
    endpoint.runRounds(20, getReducedLatency);
    expect(limit.value).toBeGreaterThanOrEqual(16);
    expect(limit.value).toBeLessThanOrEqual(48);
  });

  it("undoes a cut that does not help, if the endpoint became slower for everyone", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(10, () => 2_000);
    endpoint.runRounds(40, () => 9_000);
    expect(Math.min(...endpoint.history.slice(10))).toBe(32);
    expect(endpoint.history.slice(-30)).toEqual(Array(30).fill(64));
  });

  it("ignores a single slow round trip", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(10, () => 2_000);
    endpoint.runRounds(1, () => 20_000);
    endpoint.runRounds(5, () => 2_000);
    expect(endpoint.history.slice(6)).toEqual(Array(10).fill(64));
  });

  it("does not treat other callers or longer responses as higher latency", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const endpoint = simulateEndpoint(limit);
    const msPerToken = 20;
    const getShort = () => ({ kind: "chairman", tokens: 30 });
    const getLong = () => ({ kind: "candidate", tokens: 900 });
    const getMixed = (index: number) => (index % 4 === 0 ? getLong() : getShort());
    endpoint.runRounds(12, () => 30 * msPerToken, getShort);
    endpoint.runRounds(12, () => 900 * msPerToken, getLong);
    endpoint.runRounds(12, (_inFlight, index) => getMixed(index).tokens * msPerToken, getMixed);
    // Responses become thirty times as long, e.g. because seeds are sorted.
    endpoint.runRounds(
      12,
      () => 900 * msPerToken,
      () => ({ kind: "chairman", tokens: 900 }),
    );
    endpoint.runRounds(
      12,
      () => 30 * msPerToken,
      () => ({ kind: "candidate", tokens: 30 }),
    );
    expect(endpoint.history.slice(3)).toEqual(Array(57).fill(64));
  });

  it("returns to its initial value on restart", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const endpoint = simulateEndpoint(limit);
    endpoint.runRounds(5, () => 50);
    limit.restart(10_000);
    expect(limit.value).toBe(8);
  });
});
