import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseRetryAfter } from "../../../../src/model-calls/attempt/retry-after.js";

const now = Date.UTC(2026, 10, 22, 12, 0, 0);

describe("parseRetryAfter", () => {
  it("reads seconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (seconds) => {
        expect(parseRetryAfter(new Headers({ "retry-after": `${seconds}` }), now)).toBe(seconds * 1000);
      }),
    );
    expect(parseRetryAfter(new Headers({ "retry-after": "1.5" }), now)).toBe(1500);
  });

  it("reads an HTTP date as the time until then, and a date in the past as 0", () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), (seconds) => {
        const date = new Date(now + seconds * 1000).toUTCString();
        expect(parseRetryAfter(new Headers({ "retry-after": date }), now)).toBe(Math.max(0, seconds * 1000));
      }),
    );
  });

  it("prefers retry-after-ms, which is more precise", () => {
    expect(parseRetryAfter(new Headers({ "retry-after-ms": "120", "retry-after": "1" }), now)).toBe(120);
    expect(parseRetryAfter(new Headers({ "retry-after-ms": "soon", "retry-after": "1" }), now)).toBe(1000);
  });

  it("reads plain objects with names in any case, as some SDKs provide headers", () => {
    expect(parseRetryAfter({ "Retry-After": "3" }, now)).toBe(3000);
    expect(parseRetryAfter({ "RETRY-AFTER-MS": 40 }, now)).toBe(40);
  });

  it.each(["", " ", "-5", "soon", "5 apples", "1e9", "NaN", "Infinity", "0x10", "Mon"])("returns undefined for the invalid value %j", (value) => {
    expect(parseRetryAfter({ "retry-after": value }, now)).toBeUndefined();
  });

  it("returns either undefined or a finite, non-negative time", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (ms, after) => {
        const parsed = parseRetryAfter({ "retry-after-ms": ms, "retry-after": after }, now);
        expect(parsed === undefined || (Number.isFinite(parsed) && parsed >= 0)).toBe(true);
      }),
    );
  });
});
