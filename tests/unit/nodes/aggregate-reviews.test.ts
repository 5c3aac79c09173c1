import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { majorityVerdict } from "../../../src/nodes/aggregate-reviews.js";
import type { Verdict } from "../../../src/state/settings.js";

function votes(positive: number, negative: number): { verdict: Verdict }[] {
  return [...Array<Verdict>(positive).fill("positive"), ...Array<Verdict>(negative).fill("negative")].map((verdict) => ({ verdict }));
}

const count = fc.nat(40);
const tieBreak = fc.constantFrom("breadth", "depth");

describe("majority", () => {
  it("is the side with more votes, whatever breaks ties", () => {
    fc.assert(
      fc.property(count, count, tieBreak, (positive, negative, tie) => {
        fc.pre(positive !== negative);
        expect(majorityVerdict(votes(positive, negative), tie)).toBe(positive > negative ? "positive" : "negative");
      }),
    );
  });

  it("is the tie breaker's on a tie: breadth counts it positive, depth negative", () => {
    fc.assert(
      fc.property(count, (each) => {
        expect(majorityVerdict(votes(each, each), "breadth")).toBe("positive");
        expect(majorityVerdict(votes(each, each), "depth")).toBe("negative");
      }),
    );
  });

  it("does not depend on the order of the votes", () => {
    const shuffled = fc
      .tuple(count, count)
      .map(([positive, negative]) => votes(positive, negative))
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(shuffled, tieBreak, ([all, mixed], tie) => {
        expect(majorityVerdict(mixed, tie)).toBe(majorityVerdict(all, tie));
      }),
    );
  });
});
