import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Abstention, type CallUsage, type Review, type Turn, type TurnUpdate, turnsReducer } from "../../../src/state/records.js";

const names = ["accuracy", "depth", "usefulness", "Ökonomie 2"];
const score = fc.integer({ min: 1, max: 10 });
const critique = fc.string({ minLength: 1 });

function generateReview(reviewer: fc.Arbitrary<string>): fc.Arbitrary<Review> {
  return fc.record({
    reviewer,
    scores: fc.record({ usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score }),
    verdict: fc.constantFrom("positive", "negative"),
    critique,
  });
}

function generateAbstention(reviewer: fc.Arbitrary<string>): fc.Arbitrary<Abstention> {
  return fc.record({ reviewer, code: fc.constantFrom("response_empty", "model_timeout"), reason: fc.string() });
}

/** The update of one reviewer in turn 1: a review or an abstention, with its call. */
function generateUpdate(reviewer: fc.Arbitrary<string>): fc.Arbitrary<TurnUpdate> {
  return fc
    .oneof(
      generateReview(reviewer).map((review): TurnUpdate => ({ turn: 1, reviews: [review] })),
      generateAbstention(reviewer).map((abstention): TurnUpdate => ({ turn: 1, abstentions: [abstention] })),
    )
    .map((update) => ({ ...update, calls: [createUsage((update.reviews ?? update.abstentions)?.[0]?.reviewer ?? "")] }));
}

function createUsage(reviewer: string): CallUsage {
  return { caller: reviewer, group: "reviewer", model: "m", inputTokens: 3, outputTokens: null };
}

const anyUpdates = fc.array(generateUpdate(fc.constantFrom(...names)), { maxLength: 12 });
const distinctUpdates = fc.tuple(...names.map((name) => generateUpdate(fc.constant(name))));
const startedTurns = turnsReducer([], [{ turn: 1, evolution: "seed" }]);

function sortByReviewer<T extends { reviewer: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => a.reviewer.localeCompare(b.reviewer));
}

/** Sorts the entries of every turn, so that the order of the updates does not matter. */
function sortEntries(turns: readonly Turn[]) {
  return turns.map((turn) => ({
    ...turn,
    reviews: sortByReviewer(turn.reviews),
    abstentions: sortByReviewer(turn.abstentions),
    calls: [...turn.calls].sort((a, b) => a.caller.localeCompare(b.caller)),
  }));
}

describe("turnsReducer for the reviewers of one turn", () => {
  it("the reducer gives the same record in whatever order the reviewers finish", () => {
    const shuffled = distinctUpdates.chain((updates) =>
      fc.tuple(fc.constant(updates), fc.shuffledSubarray([...updates], { minLength: updates.length, maxLength: updates.length })),
    );
    fc.assert(
      fc.property(shuffled, ([updates, otherOrder]) => {
        expect(sortEntries(turnsReducer(startedTurns, otherOrder))).toEqual(sortEntries(turnsReducer(startedTurns, updates)));
      }),
    );
  });

  it("the reducer keeps only the latest review or abstention of each reviewer", () => {
    fc.assert(
      fc.property(anyUpdates, (updates) => {
        const [turn] = turnsReducer(startedTurns, updates);
        const latest = new Map(
          updates.flatMap((update) => [...(update.reviews ?? []), ...(update.abstentions ?? [])]).map((entry) => [entry.reviewer, entry]),
        );
        expect(sortByReviewer([...(turn?.reviews ?? []), ...(turn?.abstentions ?? [])])).toEqual(sortByReviewer([...latest.values()]));
      }),
    );
  });

  it("the reducer adds only the calls when the same updates are applied again", () => {
    fc.assert(
      fc.property(distinctUpdates, (updates) => {
        const once = turnsReducer(startedTurns, updates);
        const twice = turnsReducer(once, updates);
        expect(sortEntries(twice).map(({ calls: _, ...turn }) => turn)).toEqual(sortEntries(once).map(({ calls: _, ...turn }) => turn));
        expect(twice[0]?.calls).toHaveLength(2 * updates.length);
      }),
    );
  });

  it("the reducer gives the same record for one batch of updates as for two", () => {
    fc.assert(
      fc.property(anyUpdates, fc.nat(12), (updates, cut) => {
        const inTwo = turnsReducer(turnsReducer(startedTurns, updates.slice(0, cut)), updates.slice(cut));
        expect(inTwo).toEqual(turnsReducer(startedTurns, updates));
      }),
    );
  });

  it("the reducer does not change the turns passed in", () => {
    fc.assert(
      fc.property(anyUpdates, (updates) => {
        turnsReducer(startedTurns, updates);
        expect(startedTurns).toEqual([{ turn: 1, userMessageIndex: 0, evolution: "seed", reviews: [], abstentions: [], verdict: null, calls: [] }]);
      }),
    );
  });
});

describe("turnsReducer for several turns", () => {
  const turns = turnsReducer(startedTurns, [
    { turn: 1, reviews: [createReview("accuracy")], verdict: "negative", calls: [createUsage("accuracy")] },
    { turn: 2, evolution: "depth" },
    { turn: 2, reviews: [createReview("depth")] },
    { turn: 3, evolution: "breadth" },
  ]);

  function createReview(reviewer: string): Review {
    return { reviewer, scores: { usefulness: 1, relevance: 2, accuracy: 3, depth: 4, creativity: 5 }, verdict: "negative", critique: "No source." };
  }

  it("the reducer starts every turn empty, in order", () => {
    expect(turns.map(({ turn, evolution }) => [turn, evolution])).toEqual([
      [1, "seed"],
      [2, "depth"],
      [3, "breadth"],
    ]);
    expect(turns[2]).toEqual({ turn: 3, userMessageIndex: 2, evolution: "breadth", reviews: [], abstentions: [], verdict: null, calls: [] });
  });

  it("the reducer keeps a verdict that a later update does not mention", () => {
    expect(turnsReducer(turns, [{ turn: 1, calls: [createUsage("depth")] }])[0]).toMatchObject({
      verdict: "negative",
      calls: [createUsage("accuracy"), createUsage("depth")],
    });
  });

  it("the reducer adds reviews only to their own turn", () => {
    expect(turns.map(({ reviews }) => reviews.map(({ reviewer }) => reviewer))).toEqual([["accuracy"], ["depth"], []]);
  });

  it("the reducer empties a turn that is started again and drops later turns", () => {
    const forked = turnsReducer(turns, [{ turn: 2, evolution: "breadth" }]);
    expect(forked.map(({ turn, evolution, reviews }) => [turn, evolution, reviews.length])).toEqual([
      [1, "seed", 1],
      [2, "breadth", 0],
    ]);
  });

  it("the reducer throws for an update to a turn that was never started", () => {
    expect(() => turnsReducer(turns, [{ turn: 4, verdict: "positive" }])).toThrow(new RangeError("turn 4 was never started"));
    expect(() => turnsReducer([], [{ turn: 1, calls: [] }])).toThrow(RangeError);
  });
});
