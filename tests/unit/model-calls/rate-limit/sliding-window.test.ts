import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SlidingWindow } from "../../../../src/model-calls/rate-limit/sliding-window.js";

const gap = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 90_000 }));
const arrivals = fc.array(fc.record({ gap, tokens: fc.integer({ min: 0, max: 400 }) }), { maxLength: 150 });

/** Sends every request as soon as the window allows it, one after the other. */
function sendAll(window: SlidingWindow, requests: readonly { gap: number; tokens: number }[]) {
  let now = 0;
  return requests.map(({ gap, tokens }) => {
    now += gap;
    for (let wait = window.getWaitMs(tokens, now); wait > 0; wait = window.getWaitMs(tokens, now)) now += wait;
    window.add(tokens, now);
    return { at: now, tokens };
  });
}

/** Returns the requests in the 60 s after each request. No other window of 60 s contains more. */
function getWindows(sent: readonly { at: number; tokens: number }[]) {
  return sent.map(({ at }, index) => sent.slice(index).filter((other) => other.at <= at + 60_000));
}

describe("SlidingWindow", () => {
  it("keeps every window of 60 s within rpm", () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (requests, rpm) => {
        for (const inWindow of getWindows(sendAll(new SlidingWindow({ rpm }), requests))) expect(inWindow.length).toBeLessThanOrEqual(rpm);
      }),
    );
  });

  it("keeps every window of 60 s within tpm, except for a single request that is larger than tpm", () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 100, max: 2_000 }), (requests, tpm) => {
        for (const inWindow of getWindows(sendAll(new SlidingWindow({ tpm }), requests))) {
          const tokens = inWindow.reduce((sum, request) => sum + request.tokens, 0);
          const withTokens = inWindow.filter((request) => request.tokens > 0);
          if (withTokens.length > 1) expect(tokens).toBeLessThanOrEqual(tpm);
        }
      }),
    );
  });

  it("delays requests by at most two seconds more than the rate requires", () => {
    const sent = sendAll(
      new SlidingWindow({ rpm: 10 }),
      Array.from({ length: 35 }, () => ({ gap: 0, tokens: 0 })),
    );
    expect(sent.at(-1)?.at).toBeGreaterThan(180_000);
    expect(sent.at(-1)?.at).toBeLessThan(186_000);
  });

  it("uses the corrected number of tokens", () => {
    const window = new SlidingWindow({ tpm: 1_000 });
    const correctTokens = window.add(900, 0);
    expect(window.getWaitMs(200, 10)).toBeGreaterThan(0);
    correctTokens(300);
    expect(window.getWaitMs(200, 20)).toBe(0);
    correctTokens(990);
    expect(window.getWaitMs(200, 30)).toBeGreaterThan(0);
  });

  it("ignores a correction that comes after its minute", () => {
    const window = new SlidingWindow({ tpm: 1_000 });
    const correctTokens = window.add(900, 0);
    expect(window.getWaitMs(1_000, 70_000)).toBe(0);
    correctTokens(5_000);
    window.add(400, 70_000);
    expect(window.getWaitMs(600, 70_001)).toBe(0);
    expect(window.getWaitMs(601, 70_001)).toBeGreaterThan(0);
  });

  it("does not wait if there are no limits", () => {
    const window = new SlidingWindow({});
    for (let index = 0; index < 1_000; index++) window.add(1e6, 0);
    expect(window.getWaitMs(1e9, 0)).toBe(0);
  });
});
