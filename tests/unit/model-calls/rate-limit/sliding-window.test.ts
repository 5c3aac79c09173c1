import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SlidingWindow } from "../../../../src/model-calls/rate-limit/sliding-window.js";

const gap = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 90_000 }));
const arrivals = fc.array(fc.record({ gap, tokens: fc.integer({ min: 0, max: 400 }) }), { maxLength: 150 });

/** Lets every arrival leave as soon as the window says, one after the other. */
function leave(window: SlidingWindow, requests: readonly { gap: number; tokens: number }[]) {
  let now = 0;
  return requests.map(({ gap, tokens }) => {
    now += gap;
    for (let wait = window.getWaitMs(tokens, now); wait > 0; wait = window.getWaitMs(tokens, now)) now += wait;
    window.add(tokens, now);
    return { at: now, tokens };
  });
}

/** Whatever window of 60 s is looked at, one that begins with a departure holds at least as much. */
function windowsOf(departures: readonly { at: number; tokens: number }[]) {
  return departures.map(({ at }, index) => departures.slice(index).filter((other) => other.at <= at + 60_000));
}

describe("RateWindow", () => {
  it("lets no window of 60 s exceed rpm", () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (requests, rpm) => {
        for (const inWindow of windowsOf(leave(new SlidingWindow({ rpm }), requests))) expect(inWindow.length).toBeLessThanOrEqual(rpm);
      }),
    );
  });

  it("lets no window of 60 s exceed tpm, save for a request that does by itself and goes alone", () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 100, max: 2_000 }), (requests, tpm) => {
        for (const inWindow of windowsOf(leave(new SlidingWindow({ tpm }), requests))) {
          const tokens = inWindow.reduce((sum, request) => sum + request.tokens, 0);
          const charged = inWindow.filter((request) => request.tokens > 0);
          if (charged.length > 1) expect(tokens).toBeLessThanOrEqual(tpm);
        }
      }),
    );
  });

  it("keeps nobody waiting longer than it must: within two seconds of the rate allowed", () => {
    const departures = leave(
      new SlidingWindow({ rpm: 10 }),
      Array.from({ length: 35 }, () => ({ gap: 0, tokens: 0 })),
    );
    expect(departures.at(-1)?.at).toBeGreaterThan(180_000);
    expect(departures.at(-1)?.at).toBeLessThan(186_000);
  });

  it("goes by the tokens that calls turned out to take", () => {
    const window = new SlidingWindow({ tpm: 1_000 });
    const correct = window.add(900, 0);
    expect(window.getWaitMs(200, 10)).toBeGreaterThan(0);
    correct(300);
    expect(window.getWaitMs(200, 20)).toBe(0);
    correct(990);
    expect(window.getWaitMs(200, 30)).toBeGreaterThan(0);
  });

  it("ignores corrections that come after their minute", () => {
    const window = new SlidingWindow({ tpm: 1_000 });
    const correct = window.add(900, 0);
    expect(window.getWaitMs(1_000, 70_000)).toBe(0);
    correct(5_000);
    window.add(400, 70_000);
    expect(window.getWaitMs(600, 70_001)).toBe(0);
    expect(window.getWaitMs(601, 70_001)).toBeGreaterThan(0);
  });

  it("never waits without limits", () => {
    const window = new SlidingWindow({});
    for (let index = 0; index < 1_000; index++) window.add(1e6, 0);
    expect(window.getWaitMs(1e9, 0)).toBe(0);
  });
});
