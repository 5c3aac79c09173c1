import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { majorityVerdict } from "../../../src/nodes/aggregate-reviews.js";
import type { Verdict } from "../../../src/state/settings.js";

function createReviews(positive: number, negative: number): { verdict: Verdict }[] {
  return [...Array<Verdict>(positive).fill("positive"), ...Array<Verdict>(negative).fill("negative")].map((verdict) => ({ verdict }));
}

const count = fc.nat(40);
const tieBreak = fc.constantFrom("breadth", "depth");

describe("majorityVerdict", () => {
  it("majorityVerdict returns the verdict of most reviews, whatever the tie break", () => {
    fc.assert(
      fc.property(count, count, tieBreak, (positive, negative, tie) => {
        fc.pre(positive !== negative);
        expect(majorityVerdict(createReviews(positive, negative), tie)).toBe(positive > negative ? "positive" : "negative");
      }),
    );
  });

  it("majorityVerdict returns positive on a tie broken by breadth, and negative on one broken by depth", () => {
    fc.assert(
      fc.property(count, (each) => {
        expect(majorityVerdict(createReviews(each, each), "breadth")).toBe("positive");
        expect(majorityVerdict(createReviews(each, each), "depth")).toBe("negative");
      }),
    );
  });

  it("majorityVerdict does not depend on the order of the reviews", () => {
    const shuffled = fc
      .tuple(count, count)
      .map(([positive, negative]) => createReviews(positive, negative))
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(shuffled, tieBreak, ([all, mixed], tie) => {
        expect(majorityVerdict(mixed, tie)).toBe(majorityVerdict(all, tie));
      }),
    );
  });
});
