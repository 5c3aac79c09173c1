import { expect, test } from "vitest";

import { type RunInfo, RunLabeler } from "../../../src/tracing/labels.js";

const scores = { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 };

function createModelRun(id: string, parentId: string, role = "reviewer"): RunInfo {
  return { id, parentId, type: "llm", metadata: { role } };
}

function createNodeRun(id: string, name: string, outputs: unknown): RunInfo {
  return { id, name, type: "chain", metadata: { langgraph_node: name }, outputs };
}

test("attempts are numbered per node and labelled as retry or repair", () => {
  const labeler = new RunLabeler<string>();
  expect(labeler.startRun(createModelRun("a", "n", "candidate"))).toEqual({ tags: [], metadata: { attempt: 1 } });
  labeler.endRun({ ...createModelRun("a", "n", "candidate"), failed: true }, "a");
  expect(labeler.startRun(createModelRun("b", "n", "candidate"))).toEqual({
    tags: ["attempt:2", "retry"],
    metadata: { attempt: 2, attempt_reason: "retry" },
  });
  labeler.endRun(createModelRun("b", "n", "candidate"), "b");
  expect(labeler.startRun(createModelRun("c", "n", "candidate")).tags).toEqual(["attempt:3", "repair"]);
  expect(labeler.startRun(createModelRun("d", "other", "candidate")).metadata).toEqual({ attempt: 1 });
});

test("an ended run has the labels of its start again, since an update replaces them", () => {
  const labeler = new RunLabeler<string>();
  labeler.startRun(createModelRun("a", "n", "chairman"));
  labeler.endRun(createModelRun("a", "n", "chairman"), "a");
  labeler.startRun(createModelRun("b", "n", "chairman"));
  expect(labeler.endRun(createModelRun("b", "n", "chairman"), "b")).toEqual([
    { run: "b", labels: expect.objectContaining({ tags: ["attempt:2", "repair"] }) },
  ]);
});

test("only the last call of a review is held until the verdict is known", () => {
  const labeler = new RunLabeler<string>();
  for (const id of ["first", "second"]) labeler.startRun(createModelRun(id, "n"));
  expect(labeler.endRun(createModelRun("first", "n"), "first")).toEqual([]);
  expect(labeler.endRun(createModelRun("second", "n"), "second").map(({ run }) => run)).toEqual(["first"]);
  const review = { reviewer: "depth", scores, verdict: "negative", critique: "No cause is named." };
  const completed = labeler.endRun(createNodeRun("n", "reviewer", { turns: [{ turn: 3, reviews: [review], calls: [] }] }), "node");
  expect(completed.map(({ run }) => run)).toEqual(["second", "node"]);
  for (const { labels } of completed) {
    expect(labels.tags).toEqual(expect.arrayContaining(["turn:3", "reviewer:depth", "verdict:negative"]));
    expect(labels.metadata).toMatchObject({ turn: 3, reviewer: "depth", verdict: "negative", scores });
  }
});

test("an abstention is labelled with its reviewer and code", () => {
  const labeler = new RunLabeler<string>();
  const abstention = { reviewer: "depth", code: "model_timeout", reason: "no response" };
  const [completed] = labeler.endRun(createNodeRun("n", "reviewer", { turns: [{ turn: 1, abstentions: [abstention], calls: [] }] }), "node");
  expect(completed?.labels.tags).toEqual(["turn:1", "reviewer:depth", "abstention:model_timeout", "abstention"]);
});

test("the node that aggregates reviews is labelled with turn and verdict", () => {
  const labeler = new RunLabeler<string>();
  const [completed] = labeler.endRun(createNodeRun("v", "aggregate_reviews", { turns: [{ turn: 1, verdict: "positive" }] }), "node");
  expect(completed?.labels).toEqual({ tags: ["turn:1", "verdict:positive"], metadata: { turn: 1, verdict: "positive" } });
});

test("the call of a reviewer that failed gets no labels", () => {
  const labeler = new RunLabeler<string>();
  labeler.endRun(createModelRun("a", "m"), "a");
  const completed = labeler.endRun({ ...createNodeRun("m", "reviewer", undefined), failed: true }, "node");
  expect(completed.map(({ run, labels }) => [run, labels.tags])).toEqual([
    ["a", []],
    ["node", []],
  ]);
});

test("a node of a host graph with the same name gets no labels", () => {
  const labeler = new RunLabeler<string>();
  const turn = { turn: 1, evolution: "seed", reviews: [], abstentions: [], verdict: "positive", calls: [] };
  for (const outputs of [{ turns: [turn] }, { turns: "all" }, "text", null, { turns: [] }]) {
    expect(labeler.endRun(createNodeRun("n", "aggregate_reviews", outputs), "run")).toEqual([{ run: "run", labels: { tags: [], metadata: {} } }]);
  }
});
