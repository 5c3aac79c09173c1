import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ModelCallError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { EndpointUnavailableError } from "../../../../src/model-calls/rate-limit/endpoint-unavailable-error.js";
import { type CircuitChange, type RateLimiterOptions, createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import { answered, callMany, here, pass, retrying, getStatus, until } from "../../../support/rate-limited-calls.js";
import { requestTo } from "../../../support/model-requests.js";
import { badRequest, simulateEndpoint, timedOut, unavailable } from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const reason = new Error("stopped by the user");

describe("outages", () => {
  let changes: CircuitChange[];
  beforeEach(() => {
    changes = [];
  });
  const watched = (options: RateLimiterOptions = {}) => createRateLimiter({ onStateChange: (change) => changes.push(change), ...options });

  it("stop a lane, probe it, and use up nobody's retries", async () => {
    let up = false;
    const { access, log } = simulateEndpoint(() => (up ? {} : { error: unavailable(503) }));
    const gate = watched();
    const outcomes = callMany(retrying(gate.middleware(access), 4), 50);
    await pass(10_000);
    expect(getStatus(gate)).toMatchObject({ state: "open", active: 0 });
    const sent = log.calls.length;
    await pass(110_000);
    // Probes alone, 10, 20 and 40 s after the first.
    expect(log.calls.length - sent).toBe(3);
    up = true;
    await pass(60_000);
    expect(outcomes).toEqual(answered(50));
    expect(getStatus(gate)).toMatchObject({ state: "running", active: 0, queued: 0 });
    expect(changes.map(({ state }) => state)).toEqual(["open", ...Array(4).fill(["probing", "open"]).flat(), "probing", "closed"]);
    expect(changes[0]).toMatchObject({ endpoint: here, model: "openai:test-model", lastError: "HTTP 503" });
    expect(changes.at(-1)?.since).toEqual(changes[0]?.since);
  });

  it("spare a lone call as well", async () => {
    let up = false;
    const { access, log } = simulateEndpoint(() => (up ? {} : { error: unavailable(503) }));
    const outcomes = callMany(retrying(watched().middleware(access), 4), 1);
    await pass(300_000);
    expect(outcomes).toEqual([]);
    expect(log.calls.length).toBeGreaterThan(6);
    up = true;
    await pass(60_000);
    expect(outcomes).toEqual(answered(1));
  });

  it("spare the calls that hang when the outage is noticed", async () => {
    const { access } = simulateEndpoint(({ at, index }) => (at < 20_000 ? { latencyMs: 9_000 + index * 150, error: timedOut() } : {}));
    const outcomes = callMany(watched({ initialConcurrency: 40 }).middleware(access), 60);
    await pass(60_000);
    expect(outcomes.filter((outcome) => outcome === "Because.")).toHaveLength(51);
    expect(outcomes.filter((outcome) => outcome instanceof Error)).toHaveLength(9);
    expect(changes.map(({ state }) => state)).toContain("closed");
  });

  it("do not make a lane of every failing call: other failures and single ones pass straight through", async () => {
    const { access } = simulateEndpoint(({ index }) => ({ error: index % 5 === 4 ? badRequest() : unavailable(500) }));
    const outcomes = callMany(watched().middleware(access), 100);
    await pass(5_000);
    expect(outcomes).toHaveLength(100);
    expect(changes).toEqual([]);
  });

  it("are not what waiting cannot end", async () => {
    const hopeless = Object.assign(unavailable(), { detail: { retryable: false } });
    const gate = watched();
    const outcomes = callMany(gate.middleware(simulateEndpoint(() => ({ error: hopeless })).access), 100);
    await pass(5_000);
    expect(outcomes).toEqual(Array(100).fill(hopeless));
    expect(changes).toEqual([]);
  });

  it("do not last because of a probe that tells nothing: the next call probes at once", async () => {
    const fault = new TypeError("a fault of our own");
    const misconfigured = new AttemptError("model_invalid_configuration", "no key", { retryable: false });
    const { access } = simulateEndpoint(({ index }) => (index < 10 ? { error: unavailable() } : { error: [fault, misconfigured][index - 10] }));
    const outcomes = callMany(watched({ initialConcurrency: 1 }).middleware(access), 20);
    await pass(7_000);
    expect(changes.map(({ state }) => state)).toEqual(["open", "probing", "open", "probing", "open", "probing", "closed"]);
    expect(outcomes).toHaveLength(20);
    expect(outcomes.slice(9, 11)).toEqual([fault, misconfigured]);
    expect(outcomes.slice(11)).toEqual(answered(9));
  });

  it("let the calls that they held up go first afterwards", async () => {
    const { access, log } = simulateEndpoint(({ index }) => (index < 4 ? { error: unavailable() } : {}));
    let made = 0;
    const numbered = () => requestTo(here, { reviewer: String(made++) });
    callMany(watched({ failureThreshold: 1, initialConcurrency: 4 }).middleware(access), 9, numbered);
    await pass(10_000);
    // The fifth call was the next at the gate, so it is the probe.
    expect(log.calls.map(({ request }) => request.reviewer).join("")).toMatch(/^01234[0-3]{4}[5-8]{4}$/);
  });

  it("restart with few calls in flight", async () => {
    const { access, log } = simulateEndpoint(({ at }) => (at > 2_000 && at < 20_000 ? { error: unavailable(503) } : {}));
    const gate = watched();
    callMany(retrying(gate.middleware(access), 7), 5_000);
    await pass(1_999);
    expect(getStatus(gate)?.limit).toBe(64);
    await until(() => changes.at(-1)?.state === "closed");
    expect(log.inFlight).toBeLessThanOrEqual(8);
  });

  it("end with EndpointUnavailableError for all that wait and all that come, unless the endpoint returns", async () => {
    let up = false;
    const { access, log } = simulateEndpoint(() => (up ? {} : { error: unavailable() }));
    const gate = watched({ giveUpAfterMs: 120_000 });
    const outcomes = callMany(retrying(gate.middleware(access), 7), 30);
    await pass(119_000);
    expect(outcomes).toEqual([]);
    await pass(70_000);
    expect(outcomes).toHaveLength(30);
    for (const error of outcomes) {
      expect(error).toBeInstanceOf(EndpointUnavailableError);
      expect(error).not.toBeInstanceOf(ModelCallError);
      expect(error).toMatchObject({
        code: "endpoint_unavailable",
        details: { endpoint: here, model: "openai:test-model" },
        message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9\/v1 has not answered since \d{4}-.*last with "HTTP 500".*Resume the run/),
      });
    }
    expect(getStatus(gate)).toMatchObject({ state: "down", queued: 0 });
    const sent = log.calls.length;
    const later = callMany(gate.middleware(access), 20);
    await pass(1_000);
    expect(later).toHaveLength(20);
    for (const error of later) expect(error).toBeInstanceOf(EndpointUnavailableError);
    expect(log.calls.length - sent).toBeLessThanOrEqual(1);
    up = true;
    await pass(60_000);
    const back = callMany(gate.middleware(access), 1);
    await pass(1_000);
    expect(back).toEqual(answered(1));
    expect(getStatus(gate)?.state).toBe("running");
  });

  it("end in time even while a probe hangs", async () => {
    const { access } = simulateEndpoint(({ index }) => (index < 10 ? { error: unavailable() } : { latencyMs: 600_000, error: timedOut() }));
    const outcomes = callMany(watched({ giveUpAfterMs: 60_000, initialConcurrency: 1 }).middleware(access), 30);
    await pass(62_000);
    expect(outcomes.filter((outcome) => outcome instanceof EndpointUnavailableError)).toHaveLength(20);
    await pass(600_000);
    expect(outcomes.filter((outcome) => outcome instanceof EndpointUnavailableError)).toHaveLength(21);
    expect(outcomes).toHaveLength(30);
  });

  it("do not end with a probe that is aborted: the next call takes its place", async () => {
    const { access, log } = simulateEndpoint(({ index }) => (index < 10 ? { error: unavailable() } : { latencyMs: 1_000 }));
    const gate = createRateLimiter({ initialConcurrency: 1 });
    callMany(gate.middleware(access), 10);
    const controller = new AbortController();
    const aborted = callMany(gate.middleware(access), 1, undefined, controller.signal);
    const others = callMany(gate.middleware(access), 2);
    await until(() => log.calls.length === 11);
    expect(getStatus(gate)?.state).toBe("probing");
    controller.abort(reason);
    await pass(1);
    expect(aborted).toEqual([reason]);
    expect(getStatus(gate)?.state).toBe("probing");
    expect(log.calls).toHaveLength(12);
    await pass(3_000);
    expect(others).toEqual(answered(2));
  });
});
