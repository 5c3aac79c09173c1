import { BaseTracer, type Run } from "@langchain/core/tracers/base";
import { v5 as createUuid, validate as isUuid } from "@langchain/core/utils/uuid";
import { z } from "zod";

import { type CallUsage, Turn, TurnUpdate, reviewDimensions } from "../state/records.js";
import type { FeedbackEntry } from "./feedback-entry.js";
import { awaitHandlers } from "./tracers.js";

/** The runs around a verdict. */
export interface VerdictRuns {
  /** Run of the whole conversation, or of a review panel that runs alone. */
  readonly rootRunId: string;
  /** The trace in progress, which holds that run. Undefined if only a part of the trace was observed. */
  readonly traceId: string | undefined;
  /** Returns true for a run of that trace. After a resume, earlier responses belong to another trace. */
  readonly isInTrace: (runId: string) => boolean;
}

const namespace = "5f0a9f0e-6a2b-4a59-9d0c-3b1f5a1e7c42";

/**
 * Creates the feedback of a reviewed turn.
 *
 * Each review scores the run of the candidate's response: five scores, the verdict as 1 or 0, and the critique as comment. The
 * panel's mean score and verdict go to the root run. If no run produced the response (a host graph supplied it, or it came
 * from the cache), a review scores its own run.
 */
export function createFeedbackEntries(turn: Turn, runs: VerdictRuns): FeedbackEntry[] {
  return [...createReviewFeedback(turn, runs), ...createPanelFeedback(turn, runs)];
}

function createReviewFeedback({ turn, reviews, calls }: Turn, { traceId, isInTrace }: VerdictRuns): FeedbackEntry[] {
  const responseRunId = findRunId(calls, ({ caller, group }) => group === "" && caller === "candidate");
  return reviews.flatMap(({ reviewer, scores, verdict, critique }) => {
    const sourceRunId = findRunId(calls, ({ caller, group }) => group === "reviewer" && caller === reviewer);
    const runId = responseRunId ?? sourceRunId;
    if (runId === undefined) return [];
    const createEntry = (key: string, score: number, value?: string): FeedbackEntry => ({
      id: createUuid(`${runId} ${sourceRunId ?? reviewer} ${key}`, namespace),
      runId,
      traceId: isInTrace(runId) ? traceId : undefined,
      key,
      score,
      value,
      comment: critique,
      sourceRunId,
      source: { reviewer, turn },
    });
    const dimensionEntries = reviewDimensions.map((dimension) => createEntry(dimension, scores[dimension]));
    return [...dimensionEntries, createEntry("verdict", toScore(verdict), verdict)];
  });
}

function createPanelFeedback({ turn, reviews, verdict }: Turn, { rootRunId, traceId }: VerdictRuns): FeedbackEntry[] {
  if (reviews.length === 0 || verdict === null) return [];
  const scores = reviews.flatMap((review) => reviewDimensions.map((dimension) => review.scores[dimension]));
  const positiveCount = reviews.filter((review) => review.verdict === "positive").length;
  const createEntry = (key: string, score: number, value?: string): FeedbackEntry => ({
    id: createUuid(`${rootRunId} ${turn} ${key}`, namespace),
    runId: rootRunId,
    traceId,
    key,
    score,
    value,
    comment: `turn ${turn}: ${positiveCount} of ${reviews.length} reviews positive`,
    source: { turn },
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return [createEntry("panel_score", mean), createEntry("panel_verdict", toScore(verdict), verdict)];
}

/** Finds the run of the last matching call, which is the call whose response was used. */
function findRunId(calls: readonly CallUsage[], matches: (call: CallUsage) => boolean): string | undefined {
  const runId = calls.findLast(matches)?.runId;
  return runId !== undefined && isUuid(runId) ? runId : undefined;
}

function toScore(verdict: "positive" | "negative"): number {
  return verdict === "positive" ? 1 : 0;
}

/** Name of the node that records a verdict, and the shapes of its input and output. */
const aggregateNode = "aggregate_reviews";
const AggregateInput = z.object({ turns: z.array(Turn).min(1) });
const AggregateOutput = z.object({ turns: z.tuple([TurnUpdate.required({ verdict: true })]) });

/**
 * A callback handler that creates feedback when a verdict is recorded.
 *
 * Everything it needs is in the turn's record, run ids included. It therefore works after a resume in another process, and in
 * a host graph.
 */
export class FeedbackTracer extends BaseTracer {
  readonly name = "review_feedback";
  /** Model runs of candidates and reviewers, by trace in progress. */
  readonly #modelRunIds = new Map<string, Set<string>>();

  constructor(private readonly sendFeedback: (entry: FeedbackEntry) => void) {
    super(awaitHandlers);
  }

  override onLLMStart(run: Run): void {
    const role = run.extra?.metadata?.role;
    if (run.trace_id === undefined || (role !== "candidate" && role !== "reviewer")) return;
    const runIds = this.#modelRunIds.get(run.trace_id) ?? new Set();
    this.#modelRunIds.set(run.trace_id, runIds.add(run.id));
  }

  override onChainEnd({ name, extra, inputs, outputs, trace_id: traceId, parent_run_id: parentRunId }: Run): void {
    if (name !== aggregateNode || extra?.metadata?.langgraph_node !== aggregateNode || parentRunId === undefined) return;
    const turn = AggregateInput.safeParse(inputs).data?.turns.at(-1);
    const update = AggregateOutput.safeParse(outputs).data?.turns[0];
    if (!turn || !update || update.turn !== turn.turn) return;
    const isInTrace = (runId: string) => traceId !== undefined && this.#modelRunIds.get(traceId)?.has(runId) === true;
    const entries = createFeedbackEntries({ ...turn, verdict: update.verdict }, { rootRunId: parentRunId, traceId, isInTrace });
    for (const entry of entries) this.sendFeedback(entry);
  }

  override onRunUpdate(run: Run): void {
    if (run.parent_run_id === undefined) this.#modelRunIds.delete(run.id);
  }

  protected async persistRun(): Promise<void> {}
}
