import { expect, test } from "vitest";

import type { TraceRun } from "../../../src/tracing/trace-file.js";
import { renderTraceTree } from "../../../src/tracing/trace-tree.js";

let clock = 0;

/** Creates a run that starts 10 ms after the previous one and takes 1.5 s. */
function createRun(id: string, name: string, parent: string | null, changes: Partial<TraceRun> = {}): TraceRun {
  clock += 10;
  return {
    id,
    trace: "t",
    parent,
    name,
    type: "chain",
    tokens: null,
    start: clock,
    end: clock + 1500,
    tags: [],
    metadata: {},
    inputs: null,
    outputs: null,
    error: null,
    ...changes,
  };
}

const scores = { usefulness: 3, relevance: 4, accuracy: 3, depth: 2, creativity: 3 };
const modelFields = { type: "llm", tokens: { input: 100, output: 20 } };

/** In the order in which they end: children before parents. */
const runs = [
  createRun("c1", "candidate turn 1", "n1", modelFields),
  createRun("router", "RunnableLambda", "n1"),
  createRun("n1", "candidate", "root", { start: 1 }),
  createRun("r1", "review: depth turn 1", "n2", { type: "llm", error: "503 overloaded\n    at somewhere", end: clock + 20 }),
  createRun("r2", "review: depth turn 1", "n2", {
    ...modelFields,
    metadata: { attempt: 2, attempt_reason: "retry", verdict: "negative", scores },
  }),
  createRun("n2", "reviewer", "root", { start: 2 }),
  createRun("r3", "review: accuracy turn 1", "n3", { ...modelFields, metadata: { abstention: "response_invalid" } }),
  createRun("n3", "reviewer", "root", { start: 3 }),
  createRun("v", "aggregate_reviews", "root", { start: 4, end: 4.4, metadata: { turn: 1, verdict: "negative" } }),
  createRun("root", "seed 7", null, { start: 0, end: 65_000 }),
];

test("the tree shows calls and verdicts with time, tokens and scores, and leaves out nodes that only hold a call", () => {
  expect(renderTraceTree(runs)).toBe(
    [
      "seed 7  65.0 s  300 + 60 tokens",
      "├─ candidate turn 1  1.5 s  100 + 20 tokens",
      "├─ review: depth turn 1  10 ms  failed: 503 overloaded",
      "├─ review: depth turn 1  1.5 s  100 + 20 tokens  attempt 2, retry  negative 3.0 (usefulness 3, relevance 4, accuracy 3, depth 2, creativity 3)",
      "├─ review: accuracy turn 1  1.5 s  100 + 20 tokens  abstention: response_invalid",
      "└─ verdict turn 1  0 ms  negative",
    ].join("\n"),
  );
});

test("an interrupted trace shows the runs that had ended", () => {
  const interrupted = runs.filter(({ id }) => id !== "root" && id !== "n2").map((run) => ({ ...run, metadata: { seed: 7, ...run.metadata } }));
  const lines = renderTraceTree(interrupted).split("\n");
  expect(lines[0]).toBe("seed 7  did not finish");
  expect(lines.slice(1).map((line) => line.split("  ")[0])).toEqual([
    "├─ candidate turn 1",
    "├─ review: accuracy turn 1",
    "├─ verdict turn 1",
    "├─ review: depth turn 1",
    "└─ review: depth turn 1",
  ]);
});

test("a failed verdict is shown below its host graph, and every trace has a tree", () => {
  const nested = [
    createRun("q", "aggregate_reviews", "inner", { error: "below the quorum", metadata: { turn: 2 } }),
    createRun("inner", "review_instruct", "outer"),
    createRun("outer", "interview", "top"),
    createRun("top", "host", null),
    createRun("other", "seed 8", null, { trace: "u" }),
  ];
  expect(renderTraceTree(nested)).toBe("host  1.5 s\n└─ verdict turn 2  1.5 s  failed: below the quorum\nseed 8  1.5 s");
});

test("a node without calls is shown if it failed", () => {
  const failed = [createRun("n", "candidate", "r", { error: "no response" }), createRun("r", "seed 9", null, { error: "no response" })];
  expect(renderTraceTree(failed)).toBe("seed 9  1.5 s  failed: no response\n└─ candidate  1.5 s  failed: no response");
});

test("control characters in names and errors do not reach the terminal, and lines have a maximum length", () => {
  const text = renderTraceTree([createRun("r", "seed \u001b[31m1", null, { error: `\u001b]0;title\u0007${"x".repeat(500)}` })]);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(text.length).toBeLessThan(300);
});

test("an empty trace file renders as an empty text", () => {
  expect(renderTraceTree([])).toBe("");
});
