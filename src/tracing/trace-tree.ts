import { z } from "zod";

import { ReviewScores, reviewDimensions } from "../state/records.js";
import type { TraceRun } from "./trace-file.js";

type Tokens = { readonly input: number; readonly output: number };

/** A run with a line of its own, and the runs below it. */
interface Branch {
  readonly run: TraceRun;
  readonly children: readonly Branch[];
}

/** Runs by the id of their parent; null for runs without a known parent. */
type RunsByParent = ReadonlyMap<string | null, readonly TraceRun[]>;

/** Labels in the metadata of a run. */
const RunMetadata = z.object({
  seed: z.union([z.string(), z.number()]).optional().catch(undefined),
  turn: z.number().optional().catch(undefined),
  attempt: z.number().optional().catch(undefined),
  attempt_reason: z.string().optional().catch(undefined),
  verdict: z.string().optional().catch(undefined),
  abstention: z.string().optional().catch(undefined),
  scores: ReviewScores.optional().catch(undefined),
});

/**
 * Renders the runs of a trace file as a tree of text.
 *
 * Shows the model calls and verdicts of each trace with duration, tokens (input + output) and scores. Nodes that only hold a
 * call are left out. An interrupted trace shows the runs that had ended.
 */
export function renderTraceTree(runs: readonly TraceRun[]): string {
  const traces = groupRuns(runs, (run) => run.trace);
  return [...traces.values()].flatMap((trace) => renderTrace(trace)).join("\n");
}

function renderTrace(runs: readonly TraceRun[]): string[] {
  const ids = new Set(runs.map((run) => run.id));
  const byParent: RunsByParent = groupRuns(runs, (run) => (run.parent !== null && ids.has(run.parent) ? run.parent : null));
  const topRuns = [...(byParent.get(null) ?? [])].sort(compareStart);
  const root = topRuns.find((run) => run.parent === null);
  const branches = topRuns.filter((run) => run !== root).flatMap((run) => toBranches(run, byParent));
  if (root) return renderBranch({ run: root, children: [...getChildBranches(root, byParent), ...branches] }, "", "");
  const { seed } = RunMetadata.parse(runs[0]?.metadata ?? {});
  return [`${toSafeLine(`seed ${seed ?? "unknown"}`)}  did not finish`, ...renderChildren(branches, "")];
}

/** Returns the run itself if it deserves a line, else the branches below it. */
function toBranches(run: TraceRun, byParent: RunsByParent): Branch[] {
  const children = getChildBranches(run, byParent);
  const failedItself = run.error !== null && !children.some((child) => child.run.error !== null);
  return run.type === "llm" || run.name === "aggregate_reviews" || failedItself ? [{ run, children }] : children;
}

function getChildBranches(run: TraceRun, byParent: RunsByParent): Branch[] {
  return [...(byParent.get(run.id) ?? [])].sort(compareStart).flatMap((child) => toBranches(child, byParent));
}

function groupRuns<K>(runs: readonly TraceRun[], getKey: (run: TraceRun) => K): Map<K, TraceRun[]> {
  const groups = new Map<K, TraceRun[]>();
  for (const run of runs) {
    const group = groups.get(getKey(run));
    if (group) group.push(run);
    else groups.set(getKey(run), [run]);
  }
  return groups;
}

function compareStart(a: TraceRun, b: TraceRun): number {
  return a.start - b.start;
}

function renderBranch(branch: Branch, prefix: string, indent: string): string[] {
  return [`${prefix}${formatRun(branch)}`, ...renderChildren(branch.children, indent)];
}

function renderChildren(children: readonly Branch[], indent: string): string[] {
  return children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return renderBranch(child, `${indent}${isLast ? "└─ " : "├─ "}`, `${indent}${isLast ? "   " : "│  "}`);
  });
}

function formatRun(branch: Branch): string {
  const { run } = branch;
  const labels = RunMetadata.parse(run.metadata);
  const tokens = sumTokens(branch);
  return [
    run.name === "aggregate_reviews" && labels.turn !== undefined ? `verdict turn ${labels.turn}` : run.name,
    formatDuration(run.end - run.start),
    ...(tokens ? [`${tokens.input} + ${tokens.output} tokens`] : []),
    ...(labels.attempt_reason ? [`attempt ${labels.attempt}, ${labels.attempt_reason}`] : []),
    ...(labels.verdict ? [labels.scores ? `${labels.verdict} ${formatScores(labels.scores)}` : labels.verdict] : []),
    ...(labels.abstention ? [`abstention: ${labels.abstention}`] : []),
    ...(run.error === null ? [] : [`failed: ${run.error.split("\n", 1)[0]}`]),
  ]
    .map(toSafeLine)
    .join("  ");
}

function sumTokens({ run, children }: Branch): Tokens | null {
  const counts = [run.tokens, ...children.map(sumTokens)].filter((tokens) => tokens !== null);
  if (counts.length === 0) return null;
  return counts.reduce((sum, { input, output }) => ({ input: sum.input + input, output: sum.output + output }));
}

function formatScores(scores: ReviewScores): string {
  const mean = reviewDimensions.reduce((sum, dimension) => sum + scores[dimension], 0) / reviewDimensions.length;
  return `${mean.toFixed(1)} (${reviewDimensions.map((dimension) => `${dimension} ${scores[dimension]}`).join(", ")})`;
}

function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const maxLineLength = 200;

/** Removes control characters and limits the length, since names and errors may come from a model or an endpoint. */
function toSafeLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
  return line.length > maxLineLength ? `${line.slice(0, maxLineLength - 1)}…` : line;
}
