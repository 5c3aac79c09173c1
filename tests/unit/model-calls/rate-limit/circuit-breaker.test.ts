import { beforeEach, describe, expect, it } from "vitest";

import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { CircuitBreaker, type CircuitState, type Outage } from "../../../../src/model-calls/rate-limit/circuit-breaker.js";
import { createConnectionError, createTimeoutError, createUnavailableError } from "../../../support/simulated-endpoint.js";

const settings = {
  failureThreshold: 4,
  perCallFailureThreshold: 2,
  halfOpenAfterMs: 5_000,
  maxHalfOpenAfterMs: 15_000,
  giveUpAfterMs: 100_000,
  unansweredGiveUpAfterMs: 10_000,
};
let changes: { state: CircuitState; outage: Outage }[];
let breaker: CircuitBreaker;
beforeEach(() => {
  changes = [];
  breaker = new CircuitBreaker(settings, (state, outage) => changes.push({ state, outage }));
});

/** Sends an attempt that fails. By default it belongs to a new call. */
const fail = (now: number, error = createUnavailableError(503), call: object = {}) => breaker.onFailure(breaker.onDispatch(), call, error, now);
const openCircuit = (now: number, error = createUnavailableError(503)) => {
  for (let index = 0; index < settings.failureThreshold; index++) fail(now, error);
};
const succeedProbe = () => {
  breaker.onProbe();
  return breaker.onProbeSuccess();
};
const failProbe = (now: number, error = createUnavailableError(503)) => {
  breaker.onProbe();
  breaker.onProbeFailure(error, now);
};
const getStates = () => changes.map(({ state }) => state);

describe("CircuitBreaker", () => {
  it("opens at the failure that reaches the threshold, and lets that call retry", () => {
    expect([fail(0), fail(1), fail(2), fail(3)]).toEqual(["counted", "counted", "counted", "retry"]);
    expect(getStates()).toEqual(["open"]);
    expect(changes[0]?.outage.lastError.message).toBe("HTTP 503");
    expect(breaker.getWaitMs(3)).toBe(5_000);
    expect(breaker.isProbeDue(3)).toBe(false);
    expect(breaker.isProbeDue(5_003)).toBe(true);
  });

  it("counts failures from zero after every response", () => {
    for (let index = 0; index < 20; index++) {
      for (const result of [fail(0), fail(0), fail(0)]) expect(result).toBe("counted");
      breaker.onSuccess(breaker.onDispatch());
    }
    expect(breaker.state).toBe("closed");
  });

  it.each([createUnavailableError(500), createUnavailableError(503), createConnectionError(), createTimeoutError()])(
    "opens sooner for a single call that fails repeatedly: %s",
    (error) => {
      const call = {};
      expect(fail(0, error, call)).toBe("counted");
      breaker.onSuccess(breaker.onDispatch());
      expect(fail(0, error, call)).toBe("counted");
      expect(fail(0, error, {})).toBe("counted");
      expect(fail(0, error, call)).toBe("retry");
    },
  );

  it("probes at growing intervals, one at a time, and closes with the first response", () => {
    openCircuit(0);
    const waits = [5_000, 10_000, 15_000, 15_000];
    let now = 0;
    for (const wait of waits) {
      expect(breaker.getWaitMs(now)).toBe(wait);
      now += wait;
      expect(breaker.getWaitMs(now)).toBe(0);
      breaker.onProbe();
      expect(breaker.state).toBe("half-open");
      expect(breaker.getWaitMs(now)).toBe(100_000 - now);
      breaker.onProbeFailure(createUnavailableError(), now);
    }
    expect(succeedProbe()).toBe(true);
    expect(breaker.getWaitMs(now)).toBe(0);
    expect(getStates()).toEqual(["open", ...waits.flatMap(() => ["half-open", "open"]), "half-open", "closed"]);
    expect(new Set(changes.map(({ outage }) => outage.since)).size).toBe(1);
    openCircuit(now);
    expect(breaker.getWaitMs(now)).toBe(5_000);
  });

  it("sends the next probe at once if a probe is cancelled", () => {
    openCircuit(0);
    breaker.onProbe();
    breaker.onProbeCancelled();
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
    succeedProbe();
    for (const attempt of failing.slice(4)) expect(breaker.onFailure(attempt, {}, createTimeoutError(), 6_000)).toBe("retry");
    expect(breaker.state).toBe("closed");
  });

  it("reports an outage as expired after its time, but still allows probes", () => {
    openCircuit(0);
    expect(breaker.getExpiredOutage(99_999)).toBeNull();
    expect(breaker.getExpiredOutage(100_000)).toBe(changes[0]?.outage);
    expect(breaker.getWaitMs(100_000)).toBe(0);
    failProbe(100_000);
    expect(breaker.getWaitMs(100_000)).toBe(10_000);
    succeedProbe();
    expect(breaker.getExpiredOutage(200_000)).toBeNull();
  });
});

describe("CircuitBreaker: an endpoint that answers with errors", () => {
  it("is probed at once, and nothing is reported while it works", () => {
    openCircuit(0, createUnavailableError(500));
    expect(breaker.isProbeDue(0)).toBe(true);
    expect(succeedProbe()).toBe(false);
    expect(breaker.state).toBe("closed");
    expect(changes).toEqual([]);
  });

  it("is an outage from the first probe that fails, too", () => {
    openCircuit(0, createUnavailableError(500));
    failProbe(10, createUnavailableError(500));
    expect(getStates()).toEqual(["open"]);
    expect(breaker.getWaitMs(10)).toBe(5_000);
    expect(breaker.getExpiredOutage(100_000)).toMatchObject({ lastError: { details: { status: 500 } } });
  });

  it("leaves later failures of the calls at fault to them, but not those of an outage", () => {
    const call = {};
    const fault = createUnavailableError(500);
    expect([fail(0, fault, call), fail(0, fault, call)]).toEqual(["counted", "retry"]);
    succeedProbe();
    for (let index = 0; index < 10; index++) expect(fail(0, fault, call)).toBe("counted");
    expect(breaker.state).toBe("closed");
    expect(breaker.isOwnFault(call, fault)).toBe(true);
    expect([fail(0, createConnectionError(), call), fail(0, createConnectionError(), call)]).toEqual(["counted", "retry"]);
  });

  it("leaves a gateway's error to its call once two outages were none", () => {
    const call = {};
    for (const _alarm of [1, 2]) {
      expect([fail(0, undefined, call), fail(0, undefined, call)]).toEqual(["counted", "retry"]);
      succeedProbe();
    }
    expect([fail(0, undefined, call), fail(0, undefined, call)]).toEqual(["counted", "counted"]);
  });

  it("does not blame calls for an outage that probes confirmed", () => {
    const call = {};
    const fault = createUnavailableError(500);
    expect([fail(0, fault, call), fail(0, fault, call)]).toEqual(["counted", "retry"]);
    failProbe(1, fault);
    succeedProbe();
    expect(breaker.isOwnFault(call, fault)).toBe(false);
  });
});

describe("CircuitBreaker: an endpoint that refuses every connection", () => {
  const refused = new AttemptError("model_unavailable", "refused", { retryable: true, requestNotSent: true, systemCode: "ECONNREFUSED" });

  it("is given up soon if it never answered", () => {
    openCircuit(0, refused);
    expect(breaker.getExpiredOutage(9_999)).toBeNull();
    expect(breaker.getExpiredOutage(10_000)).not.toBeNull();
  });

  it.each([
    ["sent a response", () => breaker.onSuccess(breaker.onDispatch())],
    ["sent an error", () => void fail(0, createUnavailableError(500))],
  ])("has the full time once it %s", (_name, answer) => {
    answer();
    openCircuit(0, refused);
    expect(breaker.getExpiredOutage(99_999)).toBeNull();
    expect(breaker.getExpiredOutage(100_000)).not.toBeNull();
  });
});
