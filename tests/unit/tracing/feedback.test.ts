import { expect, test } from "vitest";

import type { Turn } from "../../../src/state/records.js";
import { createFeedbackEntries } from "../../../src/tracing/feedback.js";

const candidateRun = "01a20560-a748-7006-a34e-11ff3c9e9e01";
const retriedRun = "01a20560-a748-7006-a34e-11ff3c9e9e02";
const reviewRun = "01a20560-a748-7006-a34e-11ff3c9e9e03";
const runs = { rootRunId: "01a20560-a748-7006-a34e-11ff3c9e9e04", trace: "01a20560-a748-7006-a34e-11ff3c9e9e05", isOfTrace: () => true };
const usage = { model: "m", inputTokens: 1, outputTokens: 1 };

function getCurrentTurn(changes: Partial<Turn> = {}): Turn {
  return {
    turn: 2,
    userMessageIndex: 1,
    evolution: "depth",
    reviews: [
      {
        reviewer: "depth",
        scores: { usefulness: 1, relevance: 2, accuracy: 3, depth: 4, creativity: 5 },
        verdict: "negative",
        critique: "No cause.",
      },
    ],
    abstentions: [],
    verdict: "negative",
    calls: [
      { role: "candidate", ...usage, runId: candidateRun },
      { role: "candidate", ...usage, runId: retriedRun },
      { caller: { name: "depth", group: "reviewer" }, ...usage, runId: reviewRun },
    ],
    ...changes,
  };
}

test("a review rates the reply that became the answer, by the run of the review", () => {
  const ratings = createFeedbackEntries(getCurrentTurn(), runs).filter((rating) => rating.runId === retriedRun);
  expect(ratings.map(({ key, score, value }) => [key, score, value])).toEqual([
    ["usefulness", 1, undefined],
    ["relevance", 2, undefined],
    ["accuracy", 3, undefined],
    ["depth", 4, undefined],
    ["creativity", 5, undefined],
    ["verdict", 0, "negative"],
  ]);
  for (const rating of ratings)
    expect(rating).toMatchObject({ sourceRunId: reviewRun, comment: "No cause.", traceId: runs.trace, source: { reviewer: "depth", turn: 2 } });
});

test("the panel rates the conversation", () => {
  const ratings = createFeedbackEntries(getCurrentTurn(), runs).filter((rating) => rating.runId === runs.rootRunId);
  expect(ratings.map(({ key, score, value, comment }) => [key, score, value, comment])).toEqual([
    ["panel_score", 3, undefined, "turn 2: 0 of 1 reviews positive"],
    ["panel_verdict", 0, "negative", "turn 2: 0 of 1 reviews positive"],
  ]);
});

test("the same judgement has the same id each time, and no two share one", () => {
  const ids = createFeedbackEntries(getCurrentTurn(), runs).map(({ id }) => id);
  expect(createFeedbackEntries(getCurrentTurn(), runs).map(({ id }) => id)).toEqual(ids);
  expect(new Set(ids).size).toBe(8);
  const others = createFeedbackEntries(getCurrentTurn({ turn: 3, calls: [{ role: "candidate", ...usage, runId: candidateRun }] }), runs).map(
    ({ id }) => id,
  );
  expect(others.filter((id) => ids.includes(id))).toEqual([]);
});

test("a review of an answer that no run gave stands on its own run", () => {
  const review = { caller: { name: "depth", group: "reviewer" }, ...usage, runId: reviewRun } as const;
  for (const calls of [[review], [{ role: "candidate", ...usage, cached: true } as const, review]]) {
    const ratings = createFeedbackEntries(getCurrentTurn({ calls }), runs).filter((rating) => rating.runId === reviewRun);
    expect(ratings.map(({ key, score }) => [key, score])).toEqual([
      ["usefulness", 1],
      ["relevance", 2],
      ["accuracy", 3],
      ["depth", 4],
      ["creativity", 5],
      ["verdict", 0],
    ]);
    for (const rating of ratings) expect(rating).toMatchObject({ sourceRunId: reviewRun, comment: "No cause.", traceId: runs.trace });
  }
});

test("calls whose runs are not known, or of an earlier trace, are no obstacle", () => {
  const untraced = getCurrentTurn({ calls: [{ role: "candidate", ...usage }] });
  expect(createFeedbackEntries(untraced, runs).map(({ key }) => key)).toEqual(["panel_score", "panel_verdict"]);
  const odd = getCurrentTurn({ calls: [{ role: "candidate", ...usage, runId: "not a uuid" }] });
  expect(createFeedbackEntries(odd, runs)).toHaveLength(2);
  const earlier = createFeedbackEntries(getCurrentTurn(), { ...runs, isOfTrace: () => false });
  expect(earlier.filter(({ runId }) => runId === retriedRun).map(({ traceId }) => traceId)).toEqual(Array.from({ length: 6 }));
});
