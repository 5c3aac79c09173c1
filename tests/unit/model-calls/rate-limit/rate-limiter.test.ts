import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ReviewInstructError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { EndpointUnavailableError } from "../../../../src/model-calls/rate-limit/endpoint-unavailable-error.js";
import { createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import { answered, callMany, here, pass, retrying, getStatus, until } from "../../../support/rate-limited-calls.js";
import { requestTo, settingsFor } from "../../../support/model-requests.js";
import { refused, simulateEndpoint, unavailable } from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("concurrency", () => {
  it("reaches its most within three round trips on a steady endpoint, and never exceeds it", async () => {
    const { access, log } = simulateEndpoint();
    const gate = createRateLimiter();
    const outcomes = callMany(gate.middleware(access), 1_000);
    await pass(1);
    expect(getStatus(gate)).toEqual({ endpoint: here, model: "openai:test-model", active: 8, queued: 992, limit: 8, state: "running" });
    await pass(150);
    expect(log.inFlight).toBe(64);
    await pass(2_000);
    expect(outcomes).toEqual(answered(1_000));
    expect(log.peak).toBe(64);
    expect(getStatus(gate)).toMatchObject({ active: 0, queued: 0, limit: 64 });
  });

  it("takes no longer than 1.10 times the ideal for a long run", async () => {
    const { access } = simulateEndpoint();
    const start = performance.now();
    const access64 = createRateLimiter().middleware(access);
    const outcomes = callMany(access64, 2_000);
    await until(() => outcomes.length === 2_000);
    expect(outcomes).toEqual(answered(2_000));
    expect(performance.now() - start).toBeLessThan(1.1 * (2_000 / 64) * 50);
  });

  it("halves for a storm of 429s and comes back", async () => {
    const { access, log } = simulateEndpoint(({ at, inFlight }) => (at < 60_000 && inFlight > 20 ? { error: refused() } : {}));
    const gate = createRateLimiter();
    const outcomes = callMany(retrying(gate.middleware(access), 50), 10_000);
    await pass(59_000);
    expect(getStatus(gate)?.limit).toBeLessThan(24);
    await pass(210_000);
    expect(getStatus(gate)?.limit).toBe(64);
    expect(outcomes).toEqual(answered(10_000));
    expect(log.peak).toBeLessThanOrEqual(64);
  });
});

describe("pauses", () => {
  it("hold the whole lane for as long as the endpoint asks, be it with a 429 or a 503", async () => {
    for (const error of [refused(30_000), Object.assign(unavailable(503), { detail: { retryable: true, status: 503, retryAfterMs: 30_000 } })]) {
      const { access, log } = simulateEndpoint(({ index }) => (index === 3 ? { error } : {}));
      const gate = createRateLimiter();
      const outcomes = callMany(gate.middleware(access), 50);
      await pass(100);
      expect(getStatus(gate)?.state).toBe("paused");
      const sent = log.calls.length;
      await pass(29_900);
      expect(log.calls).toHaveLength(sent);
      await pass(1_000);
      expect(log.calls).toHaveLength(50);
      expect(outcomes.filter((outcome) => outcome === error)).toHaveLength(1);
      expect(outcomes).toHaveLength(50);
    }
  });

  it("grow while an endpoint refuses without naming a time, once a round trip, and begin small again after it answered", async () => {
    let refusing = true;
    const { access, log } = simulateEndpoint(() => (refusing ? { error: refused() } : {}));
    const gated = createRateLimiter().middleware(access);
    const gapsFrom = (first: number) => {
      const bursts = [...new Set(log.calls.slice(first).map(({ at }) => at))];
      return bursts.slice(1).map((at, index) => at - (bursts[index] ?? 0));
    };
    const outcomes = callMany(gated, 50);
    await pass(20_000);
    expect(gapsFrom(0)).toEqual([300, 1_050, 4_050]);
    refusing = false;
    await until(() => outcomes.length === 50);
    refusing = true;
    const first = log.calls.length;
    callMany(gated, 50);
    await pass(4_000);
    expect(gapsFrom(first)).toEqual([300, 1_050]);
  });

  it("end the wait at once where the endpoint asks for too much", async () => {
    const { access, log } = simulateEndpoint(({ index }) => (index === 0 ? { error: refused(7 * 3_600_000) } : {}));
    const gate = createRateLimiter({ initialConcurrency: 1 });
    const outcomes = callMany(gate.middleware(access), 3);
    await pass(60);
    expect(outcomes).toHaveLength(3);
    expect(outcomes[1]).toBeInstanceOf(EndpointUnavailableError);
    expect(outcomes[1]).toMatchObject({ code: "endpoint_unavailable", message: expect.stringContaining("asks for a pause of 25200 s") });
    await pass(7 * 3_600_000);
    expect(callMany(gate.middleware(access), 1)).toEqual([]);
    await pass(60);
    expect(log.calls).toHaveLength(2);
  });

  it("are not made for an account without quota", async () => {
    const broke = new AttemptError("model_insufficient_quota", "HTTP 429: insufficient_quota", { retryable: false, status: 429 });
    const gate = createRateLimiter();
    const outcomes = callMany(gate.middleware(simulateEndpoint(() => ({ error: broke })).access), 100);
    await pass(1_000);
    expect(outcomes).toEqual(Array(100).fill(broke));
    expect(getStatus(gate)).toMatchObject({ limit: 8, state: "running" });
  });
});

describe("rates", () => {
  it("keeps to rpm in every minute, also for repeated attempts", async () => {
    const { access, log } = simulateEndpoint(({ index }) => (index % 3 === 0 ? { error: unavailable() } : {}));
    const outcomes = callMany(retrying(createRateLimiter({ rpm: 20 }).middleware(access), 7), 100);
    await pass(15 * 60_000);
    expect(outcomes).toEqual(answered(100));
    for (const { at } of log.calls) expect(log.calls.filter((call) => call.at >= at && call.at <= at + 60_000).length).toBeLessThanOrEqual(20);
  });

  it("keeps to tpm, and learns what calls really take", async () => {
    const { access, log } = simulateEndpoint(() => ({ usage: { inputTokens: 20, outputTokens: 30 } }));
    const outcomes = callMany(createRateLimiter({ tpm: 1_000 }).middleware(access), 100);
    await pass(60_500);
    // The first guess is 9 + 128 tokens a call; 50 are what they take.
    expect(log.calls.length).toBeGreaterThanOrEqual(18);
    expect(log.calls.length).toBeLessThanOrEqual(20);
    await pass(6 * 60_000);
    expect(outcomes).toEqual(answered(100));
    for (const { at } of log.calls)
      expect(log.calls.filter((call) => call.at >= at && call.at <= at + 60_000).length * 50).toBeLessThanOrEqual(1_000);
  });
});

describe("aborts", () => {
  const reason = new Error("stopped by the user");

  it("end the wait in the queue and at the gate, and the gate goes on for the others", async () => {
    const { access, log } = simulateEndpoint(({ index }) => (index === 0 ? { error: refused(60_000) } : {}));
    const gate = createRateLimiter({ initialConcurrency: 1, maxConcurrency: 1 });
    const first = callMany(gate.middleware(access), 1);
    await pass(60);
    const controller = new AbortController();
    const aborted = callMany(gate.middleware(access), 3, undefined, controller.signal);
    const others = callMany(gate.middleware(access), 2);
    await pass(100);
    expect(getStatus(gate)).toMatchObject({ state: "paused", queued: 5, active: 0 });
    controller.abort(reason);
    await pass(1);
    expect(first).toHaveLength(1);
    expect(aborted).toEqual([reason, reason, reason]);
    expect(getStatus(gate)).toMatchObject({ queued: 2 });
    await pass(61_000);
    expect(others).toEqual(answered(2));
    expect(log.calls).toHaveLength(3);
  });
});

describe("lanes", () => {
  it("are one for each endpoint and model, and leave each other alone", async () => {
    const at = (baseUrl: string, model: string) => () => requestTo(null, { settings: settingsFor(baseUrl, { model }) });
    const { access, log } = simulateEndpoint(({ request }) =>
      request.settings.model === "openai:limited"
        ? { error: refused(600_000) }
        : request.settings.baseUrl?.includes("dead")
          ? { error: unavailable() }
          : {},
    );
    const gate = createRateLimiter();
    const wrapped = gate.middleware(access);
    callMany(wrapped, 100, at("http://127.0.0.1:1/v1", "openai:limited"));
    callMany(wrapped, 100, at("http://127.0.0.1:2/dead", "openai:good"));
    const good = callMany(wrapped, 300, at("http://127.0.0.1:1/v1/", "openai:good"));
    await pass(600);
    expect(good).toEqual(answered(300));
    expect(gate.getStatus().map(({ endpoint, model, state }) => [endpoint, model, state])).toEqual([
      ["http://127.0.0.1:1/v1", "openai:limited", "paused"],
      ["http://127.0.0.1:2/dead", "openai:good", "open"],
      ["http://127.0.0.1:1/v1", "openai:good", "running"],
    ]);
    expect(log.calls.filter(({ request }) => request.settings.model === "openai:limited")).toHaveLength(8);
  });

  it("are not for rehearsals", async () => {
    const { access, log } = simulateEndpoint();
    const gate = createRateLimiter({ maxConcurrency: 1, rpm: 1 });
    const outcomes = callMany(gate.middleware(access), 500, () => requestTo(null, { settings: settingsFor(null, { model: "offline" }) }));
    await pass(60);
    expect(log.peak).toBe(500);
    expect(outcomes).toEqual(answered(500));
    expect(gate.getStatus()).toEqual([]);
  });

  it("do not pile up on a server that sees ever new endpoints", async () => {
    const gate = createRateLimiter();
    const access = gate.middleware(simulateEndpoint().access);
    for (let port = 1; port <= 2_500; port++) {
      await Promise.all([access(requestTo(`http://127.0.0.1:${port}/v1`), {}), pass(50)]);
    }
    expect(gate.getStatus().length).toBeLessThanOrEqual(1_000);
  });
});

describe("close", () => {
  it("lets calls in flight end, and fails those that wait and those that come", async () => {
    const { access, log } = simulateEndpoint();
    const gate = createRateLimiter();
    const outcomes = callMany(gate.middleware(access), 20);
    await pass(10);
    gate.close();
    await pass(1);
    expect(outcomes).toHaveLength(12);
    await pass(50);
    outcomes.push(...callMany(gate.middleware(access), 2), ...callMany(gate.middleware(access), 1, () => requestTo("http://127.0.0.1:10/v1")));
    await pass(1);
    expect(log.calls).toHaveLength(8);
    expect(outcomes.filter((outcome) => outcome === "Because.")).toHaveLength(8);
    for (const error of outcomes.filter((outcome) => outcome !== "Because.")) expect(error).toMatchObject({ code: "rate_limiter_closed" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("wakes the call at the gate", async () => {
    const gate = createRateLimiter({ rpm: 1 });
    const outcomes = callMany(gate.middleware(simulateEndpoint().access), 3);
    await pass(100);
    gate.close();
    await pass(1);
    expect(outcomes).toHaveLength(3);
    expect(outcomes[2]).toBeInstanceOf(ReviewInstructError);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("refuses options that make no sense", () => {
  expect(() => createRateLimiter({ maxConcurrency: 0 })).toThrow(/maxConcurrency/);
  expect(() => createRateLimiter({ rpm: 0.5 })).toThrow(/rpm/);
});
