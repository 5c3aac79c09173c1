import { expect, test } from "vitest";

import type { CallUsage, Turn } from "../../../src/state/records.js";
import { createFeedbackEntries } from "../../../src/tracing/feedback.js";

const firstCandidateRun = "01a20560-a748-7006-a34e-11ff3c9e9e01";
const lastCandidateRun = "01a20560-a748-7006-a34e-11ff3c9e9e02";
const reviewRun = "01a20560-a748-7006-a34e-11ff3c9e9e03";
const runs = { rootRunId: "01a20560-a748-7006-a34e-11ff3c9e9e04", traceId: "01a20560-a748-7006-a34e-11ff3c9e9e05", isInTrace: () => true };

const usage = { model: "m", inputTokens: 1, outputTokens: 1 };
const candidateCall: CallUsage = { caller: "candidate", group: "", ...usage };
const reviewCall: CallUsage = { caller: "depth", group: "reviewer", ...usage, runId: reviewRun };

/** Scores and verdict of the review in {@link createTurn}. */
const reviewEntries = [
  ["usefulness", 1, undefined],
  ["relevance", 2, undefined],
  ["accuracy", 3, undefined],
  ["depth", 4, undefined],
  ["creativity", 5, undefined],
  ["verdict", 0, "negative"],
];

function createTurn(changes: Partial<Turn> = {}): Turn {
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
    calls: [{ ...candidateCall, runId: firstCandidateRun }, { ...candidateCall, runId: lastCandidateRun }, reviewCall],
    ...changes,
  };
}

test("a review scores the run of the response that was used, and names its own run as the source", () => {
  const entries = createFeedbackEntries(createTurn(), runs).filter((entry) => entry.runId === lastCandidateRun);
  expect(entries.map(({ key, score, value }) => [key, score, value])).toEqual(reviewEntries);
  for (const entry of entries) {
    expect(entry).toMatchObject({
      sourceRunId: reviewRun,
      comment: "No cause.",
      traceId: runs.traceId,
      source: { reviewer: "depth", turn: 2 },
    });
  }
});

test("the mean score and the verdict of the panel go to the root run", () => {
  const entries = createFeedbackEntries(createTurn(), runs).filter((entry) => entry.runId === runs.rootRunId);
  expect(entries.map(({ key, score, value, comment }) => [key, score, value, comment])).toEqual([
    ["panel_score", 3, undefined, "turn 2: 0 of 1 reviews positive"],
    ["panel_verdict", 0, "negative", "turn 2: 0 of 1 reviews positive"],
  ]);
});

test("a feedback entry has the same id each time, and no two entries share an id", () => {
  const ids = createFeedbackEntries(createTurn(), runs).map(({ id }) => id);
  expect(createFeedbackEntries(createTurn(), runs).map(({ id }) => id)).toEqual(ids);
  expect(new Set(ids).size).toBe(8);
  const otherTurn = createTurn({ turn: 3, calls: [{ ...candidateCall, runId: firstCandidateRun }] });
  const otherIds = createFeedbackEntries(otherTurn, runs).map(({ id }) => id);
  expect(otherIds.filter((id) => ids.includes(id))).toEqual([]);
});

test("a review scores its own run if no run produced the response", () => {
  const withoutCandidate = [reviewCall];
  const withCachedCandidate = [{ ...candidateCall, cached: true as const }, reviewCall];
  for (const calls of [withoutCandidate, withCachedCandidate]) {
    const entries = createFeedbackEntries(createTurn({ calls }), runs).filter((entry) => entry.runId === reviewRun);
    expect(entries.map(({ key, score, value }) => [key, score, value])).toEqual(reviewEntries);
    for (const entry of entries) expect(entry).toMatchObject({ sourceRunId: reviewRun, comment: "No cause.", traceId: runs.traceId });
  }
});

test("a turn without usable run ids gets feedback of the panel only", () => {
  const untraced = createTurn({ calls: [candidateCall] });
  expect(createFeedbackEntries(untraced, runs).map(({ key }) => key)).toEqual(["panel_score", "panel_verdict"]);
  const invalid = createTurn({ calls: [{ ...candidateCall, runId: "not a uuid" }] });
  expect(createFeedbackEntries(invalid, runs)).toHaveLength(2);
});

test("feedback on a response of an earlier trace has no trace id", () => {
  const entries = createFeedbackEntries(createTurn(), { ...runs, isInTrace: () => false });
  expect(entries.filter(({ runId }) => runId === lastCandidateRun).map(({ traceId }) => traceId)).toEqual(Array.from({ length: 6 }));
});
