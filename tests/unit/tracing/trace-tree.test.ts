import { expect, test } from "vitest";

import type { TraceRun } from "../../../src/tracing/trace-file.js";
import { renderTraceTree } from "../../../src/tracing/trace-tree.js";

let clock = 0;
function run(id: string, name: string, parent: string | null, more: Partial<TraceRun> = {}): TraceRun {
  clock += 10;
  const times = { start: clock, end: clock + 1500 };
  return {
    id,
    trace: "t",
    parent,
    name,
    type: "chain",
    tokens: null,
    ...times,
    tags: [],
    metadata: {},
    inputs: null,
    outputs: null,
    error: null,
    ...more,
  };
}

const scores = { usefulness: 3, relevance: 4, accuracy: 3, depth: 2, creativity: 3 };
const model = { type: "llm", tokens: { input: 100, output: 20 } };

/** As they end: children before parents. */
const runs = [
  run("c1", "candidate turn 1", "n1", model),
  run("router", "RunnableLambda", "n1"),
  run("n1", "candidate", "root", { start: 1 }),
  run("r1", "review: depth turn 1", "n2", { type: "llm", error: "503 overloaded\n    at somewhere", end: clock + 20 }),
  run("r2", "review: depth turn 1", "n2", { ...model, metadata: { attempt: 2, attempt_reason: "retry", verdict: "negative", scores } }),
  run("n2", "reviewer", "root", { start: 2 }),
  run("r3", "review: accuracy turn 1", "n3", { ...model, metadata: { abstained: "response_invalid" } }),
  run("n3", "reviewer", "root", { start: 3 }),
  run("v", "verdict", "root", { start: 4, end: 4.4, metadata: { turn: 1, verdict: "negative" } }),
  run("root", "seed 7", null, { start: 0, end: 65_000 }),
];

test("shows calls and verdicts with time, tokens and scores, and nothing that only holds them", () => {
  expect(renderTraceTree(runs)).toBe(
    [
      "seed 7  65.0 s  300 + 60 tokens",
      "├─ candidate turn 1  1.5 s  100 + 20 tokens",
      "├─ review: depth turn 1  10 ms  failed: 503 overloaded",
      "├─ review: depth turn 1  1.5 s  100 + 20 tokens  attempt 2, retry  negative 3.0 (usefulness 3, relevance 4, accuracy 3, depth 2, creativity 3)",
      "├─ review: accuracy turn 1  1.5 s  100 + 20 tokens  abstained: response_invalid",
      "└─ verdict turn 1  0 ms  negative",
    ].join("\n"),
  );
});

test("a trace that was cut short shows what had ended", () => {
  const cut = runs.filter(({ id }) => id !== "root" && id !== "n2").map((one) => ({ ...one, metadata: { seed: 7, ...one.metadata } }));
  const lines = renderTraceTree(cut).split("\n");
  expect(lines[0]).toBe("seed 7  did not finish");
  expect(lines.slice(1).map((line) => line.split("  ")[0])).toEqual([
    "├─ candidate turn 1",
    "├─ review: accuracy turn 1",
    "├─ verdict turn 1",
    "├─ review: depth turn 1",
    "└─ review: depth turn 1",
  ]);
});

test("a node that failed by itself is shown, and graphs within graphs keep their shape", () => {
  const nested = [
    run("q", "verdict", "inner", { error: "below the quorum", metadata: { turn: 2 } }),
    run("inner", "review_instruct", "outer"),
    run("outer", "interview", "top"),
    run("top", "host", null),
    run("other", "seed 8", null, { trace: "u" }),
  ];
  expect(renderTraceTree(nested)).toBe("host  1.5 s\n└─ verdict turn 2  1.5 s  failed: below the quorum\nseed 8  1.5 s");
  const failing = [run("n", "candidate", "r", { error: "no reply" }), run("r", "seed 9", null, { error: "no reply" })];
  expect(renderTraceTree(failing)).toBe("seed 9  1.5 s  failed: no reply\n└─ candidate  1.5 s  failed: no reply");
});

test("what models and endpoints wrote cannot play with the terminal", () => {
  const text = renderTraceTree([run("r", "seed \u001b[31m1", null, { error: `\u001b]0;title\u0007${"x".repeat(500)}` })]);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(text.length).toBeLessThan(300);
});

test("no runs are no lines", () => {
  expect(renderTraceTree([])).toBe("");
});
