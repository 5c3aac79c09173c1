import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readRetryAfter } from "../../../../src/model-calls/attempt/retry-after.js";

const now = Date.UTC(2026, 10, 22, 12, 0, 0);

describe("readRetryAfter", () => {
  it("reads seconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (seconds) => {
        expect(readRetryAfter(new Headers({ "retry-after": `${seconds}` }), now)).toBe(seconds * 1000);
      }),
    );
    expect(readRetryAfter(new Headers({ "retry-after": "1.5" }), now)).toBe(1500);
  });

  it("reads an HTTP date as the time until then, and one in the past as 0", () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), (seconds) => {
        const date = new Date(now + seconds * 1000).toUTCString();
        expect(readRetryAfter(new Headers({ "retry-after": date }), now)).toBe(Math.max(0, seconds * 1000));
      }),
    );
  });

  it("prefers retry-after-ms, the finer of the two", () => {
    expect(readRetryAfter(new Headers({ "retry-after-ms": "120", "retry-after": "1" }), now)).toBe(120);
    expect(readRetryAfter(new Headers({ "retry-after-ms": "soon", "retry-after": "1" }), now)).toBe(1000);
  });

  it("reads plain objects in any spelling, as other SDKs hand headers on", () => {
    expect(readRetryAfter({ "Retry-After": "3" }, now)).toBe(3000);
    expect(readRetryAfter({ "RETRY-AFTER-MS": 40 }, now)).toBe(40);
  });

  it.each(["", " ", "-5", "soon", "5 apples", "1e9", "NaN", "Infinity", "0x10", "Mon"])("says nothing of %j", (value) => {
    expect(readRetryAfter({ "retry-after": value }, now)).toBeUndefined();
  });

  it("never gives anything but a finite, non-negative time", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (ms, after) => {
        const read = readRetryAfter({ "retry-after-ms": ms, "retry-after": after }, now);
        expect(read === undefined || (Number.isFinite(read) && read >= 0)).toBe(true);
      }),
    );
  });
});
