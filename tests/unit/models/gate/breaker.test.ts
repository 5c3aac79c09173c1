import { beforeEach, describe, expect, it } from "vitest";

import { AttemptError } from "../../../../src/models/call/attempt.js";
import { CircuitBreaker, type CircuitState, type Outage } from "../../../../src/models/gate/breaker.js";
import { timedOut, unavailable } from "../../../support/simulated-endpoint.js";

const limits = { failures: 4, failuresOfOneCall: 2, probeAfterMs: 5_000, longestProbeAfterMs: 15_000, giveUpAfterMs: 100_000 };
let changes: { state: CircuitState; outage: Outage }[];
let breaker: CircuitBreaker;
beforeEach(() => {
  changes = [];
  breaker = new CircuitBreaker(limits, (state, outage) => changes.push({ state, outage }));
});

/** A failure of a call of its own. */
const fail = (now: number, error = timedOut(), call: object = {}) => breaker.failed(breaker.enter(), call, error, now);
const open = (now: number) => {
  for (let index = 0; index < limits.failures; index++) fail(now);
};
const states = () => changes.map(({ state }) => state);

describe("CircuitBreaker", () => {
  it("opens at the failure that makes the row full, and that call is to be made again", () => {
    expect([fail(0), fail(1), fail(2), fail(3)]).toEqual(["counted", "counted", "counted", "again"]);
    expect(states()).toEqual(["open"]);
    expect(changes[0]?.outage.lastError.code).toBe("model_timeout");
    expect(breaker.waitFor(3)).toBe(5_000);
  });

  it("begins a new row after every answer", () => {
    for (let index = 0; index < 20; index++) {
      for (const result of [fail(0), fail(0), fail(0)]) expect(result).toBe("counted");
      breaker.answered(breaker.enter());
    }
    expect(breaker.state).toBe("closed");
  });

  it("opens sooner for one call alone that cannot reach the endpoint, but not for one that only fails there", () => {
    const call = {};
    expect(fail(0, unavailable(500), call)).toBe("counted");
    expect(fail(0, unavailable(500), call)).toBe("counted");
    expect(fail(0, unavailable(503), call)).toBe("counted");
    breaker.answered(breaker.enter());
    expect(fail(0, unavailable(503), call)).toBe("counted");
    expect(fail(0, unavailable(502), {})).toBe("counted");
    expect(fail(0, unavailable(504), call)).toBe("again");
    const refusedConnection = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    const unsent = new AttemptError("model_unavailable", "the connection failed", { retryable: true }, { cause: refusedConnection });
    breaker.answered(breaker.enter());
    expect(fail(0, unsent, call)).toBe("counted");
    expect(fail(0, unsent, call)).toBe("again");
  });

  it("probes at growing intervals, one at a time, and closes with the first answer", () => {
    open(0);
    const waits = [5_000, 10_000, 15_000, 15_000];
    let now = 0;
    for (const wait of waits) {
      expect(breaker.waitFor(now)).toBe(wait);
      now += wait;
      expect(breaker.waitFor(now)).toBe(0);
      const probe = breaker.enter();
      expect(breaker.state).toBe("probing");
      expect(breaker.waitFor(now)).toBe(100_000 - now);
      expect(breaker.failed(probe, {}, unavailable(), now)).toBe("again");
    }
    const probe = breaker.enter();
    breaker.answered(probe);
    expect(breaker.waitFor(now)).toBe(0);
    expect(states()).toEqual(["open", ...waits.flatMap(() => ["probing", "open"]), "probing", "closed"]);
    expect(new Set(changes.map(({ outage }) => outage.since)).size).toBe(1);
    open(now);
    expect(breaker.waitFor(now)).toBe(5_000);
  });

  it("lets the next attempt probe when a probe ends without a word", () => {
    open(0);
    breaker.withdrawn((breaker.waitFor(5_000), breaker.enter()));
    expect(breaker.state).toBe("open");
    expect(breaker.waitFor(5_000)).toBe(0);
  });

  it("does not count attempts from before an outage, whenever they end", () => {
    const early = Array.from({ length: 9 }, () => breaker.enter());
    const [hopeful, ...hopeless] = early;
    open(0);
    if (hopeful) breaker.answered(hopeful);
    expect(breaker.state).toBe("open");
    for (const pass of hopeless.slice(0, 4)) expect(breaker.failed(pass, {}, timedOut(), 1)).toBe("again");
    breaker.answered(breaker.enter());
    for (const pass of hopeless.slice(4)) expect(breaker.failed(pass, {}, timedOut(), 6_000)).toBe("again");
    expect(breaker.state).toBe("closed");
  });

  it("is lost after its time, but may be probed even then", () => {
    open(0);
    expect(breaker.lostSince(99_999)).toBeNull();
    expect(breaker.lostSince(100_000)).toBe(changes[0]?.outage);
    expect(breaker.waitFor(100_000)).toBe(0);
    breaker.failed(breaker.enter(), {}, timedOut(), 100_000);
    expect(breaker.waitFor(100_000)).toBe(10_000);
    breaker.answered(breaker.enter());
    expect(breaker.lostSince(200_000)).toBeNull();
  });
});
