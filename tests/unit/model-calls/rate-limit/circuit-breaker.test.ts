import { beforeEach, describe, expect, it } from "vitest";

import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { CircuitBreaker, type CircuitState, type Outage } from "../../../../src/model-calls/rate-limit/circuit-breaker.js";
import { timedOut, unavailable } from "../../../support/simulated-endpoint.js";

const limits = { failureThreshold: 4, perCallFailureThreshold: 2, halfOpenAfterMs: 5_000, maxHalfOpenAfterMs: 15_000, giveUpAfterMs: 100_000 };
let changes: { state: CircuitState; outage: Outage }[];
let breaker: CircuitBreaker;
beforeEach(() => {
  changes = [];
  breaker = new CircuitBreaker(limits, (state, outage) => changes.push({ state, outage }));
});

/** A failure of a call of its own. */
const fail = (now: number, error = timedOut(), call: object = {}) => breaker.onFailure(breaker.onDispatch(), call, error, now);
const open = (now: number) => {
  for (let index = 0; index < limits.failureThreshold; index++) fail(now);
};
const states = () => changes.map(({ state }) => state);

describe("CircuitBreaker", () => {
  it("opens at the failure that makes the row full, and that call is to be made again", () => {
    expect([fail(0), fail(1), fail(2), fail(3)]).toEqual(["counted", "counted", "counted", "again"]);
    expect(states()).toEqual(["open"]);
    expect(changes[0]?.outage.lastError.code).toBe("model_timeout");
    expect(breaker.getWaitMs(3)).toBe(5_000);
  });

  it("begins a new row after every answer", () => {
    for (let index = 0; index < 20; index++) {
      for (const result of [fail(0), fail(0), fail(0)]) expect(result).toBe("counted");
      breaker.onSuccess(breaker.onDispatch());
    }
    expect(breaker.state).toBe("closed");
  });

  it("opens sooner for one call alone that cannot reach the endpoint, but not for one that only fails there", () => {
    const call = {};
    expect(fail(0, unavailable(500), call)).toBe("counted");
    expect(fail(0, unavailable(500), call)).toBe("counted");
    expect(fail(0, unavailable(503), call)).toBe("counted");
    breaker.onSuccess(breaker.onDispatch());
    expect(fail(0, unavailable(503), call)).toBe("counted");
    expect(fail(0, unavailable(502), {})).toBe("counted");
    expect(fail(0, unavailable(504), call)).toBe("again");
    const refusedConnection = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    const unsent = new AttemptError("model_unavailable", "the connection failed", { retryable: true }, { cause: refusedConnection });
    breaker.onSuccess(breaker.onDispatch());
    expect(fail(0, unsent, call)).toBe("counted");
    expect(fail(0, unsent, call)).toBe("again");
  });

  it("probes at growing intervals, one at a time, and closes with the first answer", () => {
    open(0);
    const waits = [5_000, 10_000, 15_000, 15_000];
    let now = 0;
    for (const wait of waits) {
      expect(breaker.getWaitMs(now)).toBe(wait);
      now += wait;
      expect(breaker.getWaitMs(now)).toBe(0);
      const probe = breaker.onDispatch();
      expect(breaker.state).toBe("probing");
      expect(breaker.getWaitMs(now)).toBe(100_000 - now);
      expect(breaker.onFailure(probe, {}, unavailable(), now)).toBe("again");
    }
    const probe = breaker.onDispatch();
    breaker.onSuccess(probe);
    expect(breaker.getWaitMs(now)).toBe(0);
    expect(states()).toEqual(["open", ...waits.flatMap(() => ["probing", "open"]), "probing", "closed"]);
    expect(new Set(changes.map(({ outage }) => outage.since)).size).toBe(1);
    open(now);
    expect(breaker.getWaitMs(now)).toBe(5_000);
  });

  it("lets the next attempt probe when a probe ends without a word", () => {
    open(0);
    breaker.onCancelled((breaker.getWaitMs(5_000), breaker.onDispatch()));
    expect(breaker.state).toBe("open");
    expect(breaker.getWaitMs(5_000)).toBe(0);
  });

  it("does not count attempts from before an outage, whenever they end", () => {
    const early = Array.from({ length: 9 }, () => breaker.onDispatch());
    const [hopeful, ...hopeless] = early;
    open(0);
    if (hopeful) breaker.onSuccess(hopeful);
    expect(breaker.state).toBe("open");
    for (const pass of hopeless.slice(0, 4)) expect(breaker.onFailure(pass, {}, timedOut(), 1)).toBe("again");
    breaker.onSuccess(breaker.onDispatch());
    for (const pass of hopeless.slice(4)) expect(breaker.onFailure(pass, {}, timedOut(), 6_000)).toBe("again");
    expect(breaker.state).toBe("closed");
  });

  it("is lost after its time, but may be probed even then", () => {
    open(0);
    expect(breaker.getExpiredOutage(99_999)).toBeNull();
    expect(breaker.getExpiredOutage(100_000)).toBe(changes[0]?.outage);
    expect(breaker.getWaitMs(100_000)).toBe(0);
    breaker.onFailure(breaker.onDispatch(), {}, timedOut(), 100_000);
    expect(breaker.getWaitMs(100_000)).toBe(10_000);
    breaker.onSuccess(breaker.onDispatch());
    expect(breaker.getExpiredOutage(200_000)).toBeNull();
  });
});
