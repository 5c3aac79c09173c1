import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { majority } from "../../../src/nodes/verdict.js";
import type { VerdictSide } from "../../../src/state/settings.js";

function votes(positive: number, negative: number): { verdict: VerdictSide }[] {
  return [...Array<VerdictSide>(positive).fill("positive"), ...Array<VerdictSide>(negative).fill("negative")].map((verdict) => ({ verdict }));
}

const count = fc.nat(40);
const tieBreak = fc.constantFrom("breadth", "depth");

describe("majority", () => {
  it("is the side with more votes, whatever breaks ties", () => {
    fc.assert(
      fc.property(count, count, tieBreak, (positive, negative, tie) => {
        fc.pre(positive !== negative);
        expect(majority(votes(positive, negative), tie)).toBe(positive > negative ? "positive" : "negative");
      }),
    );
  });

  it("is the tie breaker's on a tie: breadth counts it positive, depth negative", () => {
    fc.assert(
      fc.property(count, (each) => {
        expect(majority(votes(each, each), "breadth")).toBe("positive");
        expect(majority(votes(each, each), "depth")).toBe("negative");
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
        expect(majority(mixed, tie)).toBe(majority(all, tie));
      }),
    );
  });
});
