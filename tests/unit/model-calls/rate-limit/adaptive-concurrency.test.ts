import { describe, expect, it } from "vitest";

import { AdaptiveConcurrency } from "../../../../src/model-calls/rate-limit/adaptive-concurrency.js";

/** Sends as many calls as the limit allows, answers them all, and again: what a busy lane sees of an endpoint. */
function drive(limit: AdaptiveConcurrency) {
  let now = 0;
  const history: number[] = [];
  return {
    history,
    /** `latencyOf`: from the calls in flight and the call's number in its round. */
    rounds(
      count: number,
      latencyOf: (inFlight: number, index: number) => number,
      describeType: (index: number) => { kind: string; tokens: number } = plain,
    ) {
      for (let round = 0; round < count; round++) {
        const startedAt = now;
        const inFlight = limit.value;
        for (let index = 0; index < inFlight; index++) {
          const latencyMs = latencyOf(inFlight, index);
          const { kind, tokens } = describeType(index);
          now = Math.max(now, startedAt + latencyMs);
          limit.onSuccess({ kind, latencyMs, outputTokens: tokens, startedAt }, true, now);
        }
        now++;
        history.push(limit.value);
      }
    },
    refuseAll() {
      const startedAt = now;
      now += 50;
      for (let index = 0; index < limit.value; index++) limit.onRateLimited(startedAt, now);
      now++;
    },
  };
}

const plain = () => ({ kind: "candidate", tokens: 100 });

describe("ConcurrencyLimit", () => {
  it("doubles every round trip up to its most while all goes well", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const lane = drive(limit);
    lane.rounds(5, () => 50);
    expect(lane.history).toEqual([16, 32, 64, 64, 64]);
  });

  it("never starts above its most", () => {
    expect(new AdaptiveConcurrency(8, 3).value).toBe(3);
  });

  it("does not grow while too few calls are in flight to test it", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    for (let index = 0; index < 500; index++) {
      limit.onSuccess({ kind: "candidate", latencyMs: 50, outputTokens: 100, startedAt: index * 60 }, false, index * 60 + 50);
    }
    expect(limit.value).toBe(8);
  });

  it("halves once for all refusals of a round trip, down to 1, and then grows by one a round", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const lane = drive(limit);
    lane.rounds(3, () => 50);
    lane.refuseAll();
    expect(limit.value).toBe(32);
    lane.refuseAll();
    expect(limit.value).toBe(16);
    lane.rounds(3, () => 50);
    expect(lane.history.slice(-3)).toEqual([17, 18, 19]);
    for (let storm = 0; storm < 8; storm++) lane.refuseAll();
    expect(limit.value).toBe(1);
    lane.rounds(400, () => 50);
    expect(limit.value).toBeGreaterThan(16);
  });

  it("does not take replies to calls from before a cut for a sign of ease", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    limit.onRateLimited(0, 50);
    expect(limit.value).toBe(4);
    for (let index = 0; index < 100; index++) limit.onSuccess({ kind: "candidate", latencyMs: 60, outputTokens: 100, startedAt: 10 }, true, 70);
    expect(limit.value).toBe(4);
    for (let index = 0; index < 100; index++) limit.onSuccess({ kind: "candidate", latencyMs: 60, outputTokens: 100, startedAt: 60 }, true, 120);
    expect(limit.value).toBeGreaterThan(4);
  });

  it("settles where calls begin to queue at the endpoint, however many it would take", () => {
    const capacity = 10;
    const limit = new AdaptiveConcurrency(8, 500);
    const lane = drive(limit);
    lane.rounds(300, (inFlight) => 2_000 * Math.max(1, inFlight / capacity));
    const settled = lane.history.slice(50);
    expect(Math.min(...settled)).toBeGreaterThanOrEqual(capacity);
    expect(Math.max(...settled)).toBeLessThanOrEqual(4 * capacity);
  });

  it("halves when latency has clearly risen since", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const lane = drive(limit);
    lane.rounds(20, () => 2_000);
    expect(limit.value).toBe(64);
    // The endpoint lost most of its machines: 16 calls at once are all it bears.
    const smaller = (inFlight: number) => 2_000 * Math.max(1, inFlight / 16);
    lane.rounds(2, smaller);
    expect(limit.value).toBe(32);
    lane.rounds(20, smaller);
    expect(limit.value).toBeGreaterThanOrEqual(16);
    expect(limit.value).toBeLessThanOrEqual(48);
  });

  it("takes a cut back that brings no relief, and lives with an endpoint that is slower for everyone", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const lane = drive(limit);
    lane.rounds(10, () => 2_000);
    lane.rounds(40, () => 9_000);
    expect(Math.min(...lane.history.slice(10))).toBe(32);
    expect(lane.history.slice(-30)).toEqual(Array(30).fill(64));
  });

  it("does not mind a hiccup of one round trip", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const lane = drive(limit);
    lane.rounds(10, () => 2_000);
    lane.rounds(1, () => 20_000);
    lane.rounds(5, () => 2_000);
    expect(lane.history.slice(3)).toEqual(Array(13).fill(64));
  });

  it("compares like with like: neither other roles nor longer replies are a rise", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const lane = drive(limit);
    const perToken = 20;
    const short = () => ({ kind: "chairman", tokens: 30 });
    const long = () => ({ kind: "candidate", tokens: 900 });
    const mixed = (index: number) => (index % 4 === 0 ? long() : short());
    lane.rounds(12, () => 30 * perToken, short);
    lane.rounds(12, () => 900 * perToken, long);
    lane.rounds(12, (_inFlight, index) => mixed(index).tokens * perToken, mixed);
    // Answers that become thirty times as long, as sorted seeds would bring.
    lane.rounds(
      12,
      () => 900 * perToken,
      () => ({ kind: "chairman", tokens: 900 }),
    );
    lane.rounds(
      12,
      () => 30 * perToken,
      () => ({ kind: "candidate", tokens: 30 }),
    );
    expect(lane.history.slice(3)).toEqual(Array(57).fill(64));
  });

  it("starts over carefully when told to", () => {
    const limit = new AdaptiveConcurrency(8, 64);
    const lane = drive(limit);
    lane.rounds(5, () => 50);
    limit.restart(10_000);
    expect(limit.value).toBe(8);
  });
});
