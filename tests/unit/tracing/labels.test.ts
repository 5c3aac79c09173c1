import { expect, test } from "vitest";

import { type RunInfo, RunLabeler } from "../../../src/tracing/labels.js";

const scores = { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 };

function modelRun(id: string, parentId: string, role = "reviewer"): RunInfo {
  return { id, parentId, type: "llm", metadata: { role } };
}

function node(id: string, name: string, outputs: unknown): RunInfo {
  return { id, name, type: "chain", metadata: { langgraph_node: name }, outputs };
}

test("attempts are numbered under their node, and say why they were made", () => {
  const labels = new RunLabeler<string>();
  expect(labels.started(modelRun("a", "n", "candidate"))).toEqual({ tags: [], metadata: { attempt: 1 } });
  labels.ended({ ...modelRun("a", "n", "candidate"), failed: true }, "a");
  expect(labels.started(modelRun("b", "n", "candidate"))).toEqual({
    tags: ["attempt:2", "retry"],
    metadata: { attempt: 2, attempt_reason: "retry" },
  });
  labels.ended(modelRun("b", "n", "candidate"), "b");
  expect(labels.started(modelRun("c", "n", "candidate")).tags).toEqual(["attempt:3", "re-ask"]);
  expect(labels.started(modelRun("d", "other", "candidate")).metadata).toEqual({ attempt: 1 });
});

test("a label given at the start is there at the end, which replaces what was sent before", () => {
  const labels = new RunLabeler<string>();
  labels.started(modelRun("a", "n", "chairman"));
  labels.ended(modelRun("a", "n", "chairman"), "a");
  labels.started(modelRun("b", "n", "chairman"));
  expect(labels.ended(modelRun("b", "n", "chairman"), "b")).toEqual([
    { run: "b", labels: expect.objectContaining({ tags: ["attempt:2", "re-ask"] }) },
  ]);
});

test("the last call of a review waits for what the review came to; earlier ones do not", () => {
  const labels = new RunLabeler<string>();
  for (const id of ["first", "second"]) labels.started(modelRun(id, "n"));
  expect(labels.ended(modelRun("first", "n"), "first")).toEqual([]);
  expect(labels.ended(modelRun("second", "n"), "second").map(({ run }) => run)).toEqual(["first"]);
  const review = { reviewer: "depth", scores, verdict: "negative", critique: "No cause is named." };
  const out = labels.ended(node("n", "reviewer", { turns: [{ turn: 3, reviews: [review], calls: [] }] }), "node");
  expect(out.map(({ run }) => run)).toEqual(["second", "node"]);
  for (const { labels: given } of out) {
    expect(given.tags).toEqual(expect.arrayContaining(["turn:3", "reviewer:depth", "verdict:negative"]));
    expect(given.metadata).toMatchObject({ turn: 3, reviewer: "depth", verdict: "negative", scores });
  }
});

test("an abstention and a verdict are labelled; a reviewer that failed gives its call back as it is", () => {
  const labels = new RunLabeler<string>();
  const abstention = { reviewer: "depth", code: "model_timeout", reason: "no reply" };
  const [abstained] = labels.ended(node("n", "reviewer", { turns: [{ turn: 1, abstentions: [abstention], calls: [] }] }), "node");
  expect(abstained?.labels.tags).toEqual(["turn:1", "reviewer:depth", "abstained:model_timeout", "abstained"]);
  const [ruled] = labels.ended(node("v", "verdict", { turns: [{ turn: 1, verdict: "positive" }] }), "verdict");
  expect(ruled?.labels).toEqual({ tags: ["turn:1", "verdict:positive"], metadata: { turn: 1, verdict: "positive" } });
  labels.ended(modelRun("a", "m"), "a");
  expect(labels.ended({ ...node("m", "reviewer", undefined), failed: true }, "node").map(({ run, labels: { tags } }) => [run, tags])).toEqual([
    ["a", []],
    ["node", []],
  ]);
});

test("nodes of others that happen to have such a name are left alone", () => {
  const labels = new RunLabeler<string>();
  const turn = { turn: 1, evolution: "seed", reviews: [], abstentions: [], verdict: "positive", calls: [] };
  for (const outputs of [{ turns: [turn] }, { turns: "all" }, "text", null, { turns: [] }]) {
    expect(labels.ended(node("n", "verdict", outputs), "run")).toEqual([{ run: "run", labels: { tags: [], metadata: {} } }]);
  }
});
