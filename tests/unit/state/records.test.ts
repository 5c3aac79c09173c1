import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Abstention, type CallUsage, type Review, type Turn, type TurnUpdate, turnsReducer } from "../../../src/state/records.js";

const names = ["accuracy", "depth", "usefulness", "Ökonomie 2"];
const score = fc.integer({ min: 1, max: 10 });
const critique = fc.string({ minLength: 1 });

function reviewBy(reviewer: fc.Arbitrary<string>): fc.Arbitrary<Review> {
  return fc.record({
    reviewer,
    scores: fc.record({ usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score }),
    verdict: fc.constantFrom("positive", "negative"),
    critique,
  });
}

function abstentionBy(reviewer: fc.Arbitrary<string>): fc.Arbitrary<Abstention> {
  return fc.record({ reviewer, code: fc.constantFrom("response_empty", "model_timeout"), reason: fc.string() });
}

/** What one reviewer says in turn 1: a review or an abstention, with the calls that it took. */
function wordBy(reviewer: fc.Arbitrary<string>): fc.Arbitrary<TurnUpdate> {
  return fc
    .oneof(
      reviewBy(reviewer).map((review): TurnUpdate => ({ turn: 1, reviews: [review] })),
      abstentionBy(reviewer).map((abstention): TurnUpdate => ({ turn: 1, abstentions: [abstention] })),
    )
    .map((word) => ({ ...word, calls: [usage((word.reviews ?? word.abstentions)?.[0]?.reviewer ?? "")] }));
}

function usage(reviewer: string): CallUsage {
  return { role: "reviewer", reviewer, model: "m", inputTokens: 3, outputTokens: null };
}

const anyWords = fc.array(wordBy(fc.constantFrom(...names)), { maxLength: 12 });
const distinctWords = fc.tuple(...names.map((name) => wordBy(fc.constant(name))));
const opened = turnsReducer([], [{ turn: 1, evolution: "seed" }]);

function byReviewer<T extends { reviewer?: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => (a.reviewer ?? "").localeCompare(b.reviewer ?? ""));
}

/** A turn without the order in which its reviewers came in. */
function content(turns: readonly Turn[]) {
  return turns.map((turn) => ({
    ...turn,
    reviews: byReviewer(turn.reviews),
    abstentions: byReviewer(turn.abstentions),
    calls: byReviewer(turn.calls),
  }));
}

describe("the panel's words in one turn", () => {
  it("come to the same record in whatever order the reviewers finish", () => {
    const shuffled = distinctWords.chain((words) =>
      fc.tuple(fc.constant(words), fc.shuffledSubarray([...words], { minLength: words.length, maxLength: words.length })),
    );
    fc.assert(
      fc.property(shuffled, ([words, otherOrder]) => {
        expect(content(turnsReducer(opened, otherOrder))).toEqual(content(turnsReducer(opened, words)));
      }),
    );
  });

  it("are one a reviewer, the latest", () => {
    fc.assert(
      fc.property(anyWords, (words) => {
        const [turn] = turnsReducer(opened, words);
        const latest = new Map(words.flatMap((word) => [...(word.reviews ?? []), ...(word.abstentions ?? [])]).map((word) => [word.reviewer, word]));
        expect(byReviewer([...(turn?.reviews ?? []), ...(turn?.abstentions ?? [])])).toEqual(byReviewer([...latest.values()]));
      }),
    );
  });

  it("change nothing but the calls when they are said again", () => {
    fc.assert(
      fc.property(distinctWords, (words) => {
        const once = turnsReducer(opened, words);
        const twice = turnsReducer(once, words);
        expect(content(twice).map(({ calls: _, ...turn }) => turn)).toEqual(content(once).map(({ calls: _, ...turn }) => turn));
        expect(twice[0]?.calls).toHaveLength(2 * words.length);
      }),
    );
  });

  it("may come in one batch or in several", () => {
    fc.assert(
      fc.property(anyWords, fc.nat(12), (words, cut) => {
        const inTwo = turnsReducer(turnsReducer(opened, words.slice(0, cut)), words.slice(cut));
        expect(inTwo).toEqual(turnsReducer(opened, words));
      }),
    );
  });

  it("leave the turns they were added to as they were", () => {
    fc.assert(
      fc.property(anyWords, (words) => {
        turnsReducer(opened, words);
        expect(opened).toEqual([{ turn: 1, userMessageIndex: 0, evolution: "seed", reviews: [], abstentions: [], verdict: null, calls: [] }]);
      }),
    );
  });
});

describe("turns", () => {
  const two = turnsReducer(opened, [
    { turn: 1, reviews: [sampleReview("accuracy")], verdict: "negative", calls: [usage("accuracy")] },
    { turn: 2, evolution: "depth" },
    { turn: 2, reviews: [sampleReview("depth")] },
    { turn: 3, evolution: "breadth" },
  ]);

  function sampleReview(reviewer: string): Review {
    return { reviewer, scores: { usefulness: 1, relevance: 2, accuracy: 3, depth: 4, creativity: 5 }, verdict: "negative", critique: "No source." };
  }

  it("open empty, one after the other", () => {
    expect(two.map(({ turn, evolution }) => [turn, evolution])).toEqual([
      [1, "seed"],
      [2, "depth"],
      [3, "breadth"],
    ]);
    expect(two[2]).toEqual({ turn: 3, userMessageIndex: 2, evolution: "breadth", reviews: [], abstentions: [], verdict: null, calls: [] });
  });

  it("keep a verdict that a later change does not mention", () => {
    expect(turnsReducer(two, [{ turn: 1, calls: [usage("depth")] }])[0]).toMatchObject({
      verdict: "negative",
      calls: [usage("accuracy"), usage("depth")],
    });
  });

  it("keep reviews apart from those of other turns", () => {
    expect(two.map(({ reviews }) => reviews.map(({ reviewer }) => reviewer))).toEqual([["accuracy"], ["depth"], []]);
  });

  it("that are opened again start afresh and drop what came after them", () => {
    const forked = turnsReducer(two, [{ turn: 2, evolution: "breadth" }]);
    expect(forked.map(({ turn, evolution, reviews }) => [turn, evolution, reviews.length])).toEqual([
      [1, "seed", 1],
      [2, "breadth", 0],
    ]);
  });

  it("cannot be added to before they are opened", () => {
    expect(() => turnsReducer(two, [{ turn: 4, verdict: "positive" }])).toThrow(new RangeError("turn 4 was never opened"));
    expect(() => turnsReducer([], [{ turn: 1, calls: [] }])).toThrow(RangeError);
  });
});
