import { z } from "zod";

import { ReviewScores, reviewDimensions } from "../state/records.js";
import type { TraceRun } from "./trace-file.js";

type Tokens = { readonly input: number; readonly output: number };

/** A run that is shown, with what is shown below it. */
interface Branch {
  readonly run: TraceRun;
  readonly children: readonly Branch[];
}

/** What labels and nodes left in a run's metadata. */
const Notes = z.object({
  seed: z.union([z.string(), z.number()]).optional().catch(undefined),
  turn: z.number().optional().catch(undefined),
  attempt: z.number().optional().catch(undefined),
  attempt_reason: z.string().optional().catch(undefined),
  verdict: z.string().optional().catch(undefined),
  abstention: z.string().optional().catch(undefined),
  scores: ReviewScores.optional().catch(undefined),
});

/**
 * The runs of a trace file as a tree of text: a trace each, its model calls and verdicts with duration, tokens (in + out) and
 * scores. Nodes that only hold a call are left out. A trace that a kill cut short shows what had ended.
 */
export function renderTraceTree(runs: readonly TraceRun[]): string {
  const traces = grouped(runs, (run) => run.trace);
  return [...traces.values()].flatMap((trace) => renderTrace(trace)).join("\n");
}

function renderTrace(runs: readonly TraceRun[]): string[] {
  const known = new Set(runs.map((run) => run.id));
  const below = grouped(runs, (run) => (run.parent !== null && known.has(run.parent) ? run.parent : null));
  const tops = (below.get(null) ?? []).sort(byStart);
  const root = tops.find((run) => run.parent === null);
  const branches = tops.filter((run) => run !== root).flatMap((run) => toBranches(run, below));
  if (root) return renderBranch({ run: root, children: [...branchesUnder(root, below), ...branches] }, "", "");
  const { seed } = Notes.parse(runs[0]?.metadata ?? {});
  return [`${clean(`seed ${seed ?? "unknown"}`)}  did not finish`, ...renderChildren(branches, "")];
}

/** The run itself where it is worth a line, else what is below it. */
function toBranches(run: TraceRun, below: ReadonlyMap<string | null, TraceRun[]>): Branch[] {
  const children = branchesUnder(run, below);
  const failed = run.error !== null && !children.some((child) => child.run.error !== null);
  return run.type === "llm" || run.name === "aggregate_reviews" || failed ? [{ run, children }] : children;
}

function branchesUnder(run: TraceRun, below: ReadonlyMap<string | null, TraceRun[]>): Branch[] {
  return [...(below.get(run.id) ?? [])].sort(byStart).flatMap((child) => toBranches(child, below));
}

function grouped<K>(runs: readonly TraceRun[], keyOf: (run: TraceRun) => K): Map<K, TraceRun[]> {
  const groups = new Map<K, TraceRun[]>();
  for (const run of runs) groups.set(keyOf(run), [...(groups.get(keyOf(run)) ?? []), run]);
  return groups;
}

function byStart(a: TraceRun, b: TraceRun): number {
  return a.start - b.start;
}

function renderBranch(branch: Branch, stem: string, indent: string): string[] {
  return [`${stem}${formatRun(branch)}`, ...renderChildren(branch.children, indent)];
}

function renderChildren(children: readonly Branch[], indent: string): string[] {
  return children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return renderBranch(child, `${indent}${isLast ? "└─ " : "├─ "}`, `${indent}${isLast ? "   " : "│  "}`);
  });
}

function formatRun(branch: Branch): string {
  const { run } = branch;
  const notes = Notes.parse(run.metadata);
  const tokens = getTokens(branch);
  return [
    run.name === "aggregate_reviews" && notes.turn !== undefined ? `verdict turn ${notes.turn}` : run.name,
    duration(run.end - run.start),
    ...(tokens ? [`${tokens.input} + ${tokens.output} tokens`] : []),
    ...(notes.attempt_reason ? [`attempt ${notes.attempt}, ${notes.attempt_reason}`] : []),
    ...(notes.verdict ? [notes.scores ? `${notes.verdict} ${scoreText(notes.scores)}` : notes.verdict] : []),
    ...(notes.abstention ? [`abstention: ${notes.abstention}`] : []),
    ...(run.error === null ? [] : [`failed: ${run.error.split("\n", 1)[0]}`]),
  ]
    .map(clean)
    .join("  ");
}

function getTokens({ run, children }: Branch): Tokens | null {
  const all = [run.tokens, ...children.map(getTokens)].filter((tokens) => tokens !== null);
  if (all.length === 0) return null;
  return all.reduce((sum, { input, output }) => ({ input: sum.input + input, output: sum.output + output }));
}

function scoreText(scores: ReviewScores): string {
  const mean = reviewDimensions.reduce((sum, dimension) => sum + scores[dimension], 0) / reviewDimensions.length;
  return `${mean.toFixed(1)} (${reviewDimensions.map((dimension) => `${dimension} ${scores[dimension]}`).join(", ")})`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Names and errors come from outside: no control characters in a terminal, and no endless lines. */
function clean(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
