import { beforeEach, describe, expect, it } from "vitest";

import { CircuitBreaker, type CircuitState, type Outage } from "../../../../src/model-calls/rate-limit/circuit-breaker.js";
import { createConnectionError, createTimeoutError, createUnavailableError } from "../../../support/simulated-endpoint.js";

const settings = { failureThreshold: 4, perCallFailureThreshold: 2, halfOpenAfterMs: 5_000, maxHalfOpenAfterMs: 15_000, giveUpAfterMs: 100_000 };
let changes: { state: CircuitState; outage: Outage }[];
let breaker: CircuitBreaker;
beforeEach(() => {
  changes = [];
  breaker = new CircuitBreaker(settings, (state, outage) => changes.push({ state, outage }));
});

/** Sends an attempt that fails. By default it belongs to a new call. */
const fail = (now: number, error = createTimeoutError(), call: object = {}) => breaker.onFailure(breaker.onDispatch(), call, error, now);
const openCircuit = (now: number) => {
  for (let index = 0; index < settings.failureThreshold; index++) fail(now);
};
const getStates = () => changes.map(({ state }) => state);

describe("CircuitBreaker", () => {
  it("opens at the failure that reaches the threshold, and lets that call retry", () => {
    expect([fail(0), fail(1), fail(2), fail(3)]).toEqual(["counted", "counted", "counted", "retry"]);
    expect(getStates()).toEqual(["open"]);
    expect(changes[0]?.outage.lastError.code).toBe("model_timeout");
    expect(breaker.getWaitMs(3)).toBe(5_000);
  });

  it("counts failures from zero after every response", () => {
    for (let index = 0; index < 20; index++) {
      for (const result of [fail(0), fail(0), fail(0)]) expect(result).toBe("counted");
      breaker.onSuccess(breaker.onDispatch());
    }
    expect(breaker.state).toBe("closed");
  });

  it("opens sooner for a single call that cannot reach the endpoint, but not for one that fails at the endpoint", () => {
    const call = {};
    expect(fail(0, createUnavailableError(500), call)).toBe("counted");
    expect(fail(0, createUnavailableError(500), call)).toBe("counted");
    expect(fail(0, createUnavailableError(503), call)).toBe("counted");
    breaker.onSuccess(breaker.onDispatch());
    expect(fail(0, createUnavailableError(503), call)).toBe("counted");
    expect(fail(0, createUnavailableError(502), {})).toBe("counted");
    expect(fail(0, createUnavailableError(504), call)).toBe("retry");
    breaker.onSuccess(breaker.onDispatch());
    expect(fail(0, createConnectionError(), call)).toBe("counted");
    expect(fail(0, createConnectionError(), call)).toBe("retry");
  });

  it("probes at growing intervals, one at a time, and closes with the first response", () => {
    openCircuit(0);
    const waits = [5_000, 10_000, 15_000, 15_000];
    let now = 0;
    for (const wait of waits) {
      expect(breaker.getWaitMs(now)).toBe(wait);
      now += wait;
      expect(breaker.getWaitMs(now)).toBe(0);
      const probe = breaker.onDispatch();
      expect(breaker.state).toBe("half-open");
      expect(breaker.getWaitMs(now)).toBe(100_000 - now);
      expect(breaker.onFailure(probe, {}, createUnavailableError(), now)).toBe("retry");
    }
    const probe = breaker.onDispatch();
    breaker.onSuccess(probe);
    expect(breaker.getWaitMs(now)).toBe(0);
    expect(getStates()).toEqual(["open", ...waits.flatMap(() => ["half-open", "open"]), "half-open", "closed"]);
    expect(new Set(changes.map(({ outage }) => outage.since)).size).toBe(1);
    openCircuit(now);
    expect(breaker.getWaitMs(now)).toBe(5_000);
  });

  it("lets the next attempt probe if a probe is cancelled", () => {
    openCircuit(0);
    expect(breaker.getWaitMs(5_000)).toBe(0);
    breaker.onCancelled(breaker.onDispatch());
    expect(breaker.state).toBe("open");
    expect(breaker.getWaitMs(5_000)).toBe(0);
  });

  it("does not count attempts that were sent before an outage", () => {
    const early = Array.from({ length: 9 }, () => breaker.onDispatch());
    const [succeeding, ...failing] = early;
    openCircuit(0);
    if (succeeding) breaker.onSuccess(succeeding);
    expect(breaker.state).toBe("open");
    for (const attempt of failing.slice(0, 4)) expect(breaker.onFailure(attempt, {}, createTimeoutError(), 1)).toBe("retry");
    breaker.onSuccess(breaker.onDispatch());
    for (const attempt of failing.slice(4)) expect(breaker.onFailure(attempt, {}, createTimeoutError(), 6_000)).toBe("retry");
    expect(breaker.state).toBe("closed");
  });

  it("reports an outage as expired after its time, but still allows probes", () => {
    openCircuit(0);
    expect(breaker.getExpiredOutage(99_999)).toBeNull();
    expect(breaker.getExpiredOutage(100_000)).toBe(changes[0]?.outage);
    expect(breaker.getWaitMs(100_000)).toBe(0);
    breaker.onFailure(breaker.onDispatch(), {}, createTimeoutError(), 100_000);
    expect(breaker.getWaitMs(100_000)).toBe(10_000);
    breaker.onSuccess(breaker.onDispatch());
    expect(breaker.getExpiredOutage(200_000)).toBeNull();
  });
});
