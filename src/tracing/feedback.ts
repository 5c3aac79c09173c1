import { BaseTracer, type Run } from "@langchain/core/tracers/base";
import { v5 as createUuid, validate as isUuid } from "@langchain/core/utils/uuid";
import { z } from "zod";

import { type CallUsage, Turn, TurnUpdate, reviewDimensions } from "../state/records.js";
import type { FeedbackEntry } from "./trace-client.js";
import { awaitHandlers } from "./tracers.js";

/** The runs that a verdict was taken in. */
export interface VerdictRuns {
  /** The run of the whole conversation, or of a panel by itself. */
  readonly rootRunId: string;
  /** The trace under way, which holds that run; undefined where only a part of it was watched. */
  readonly trace: string | undefined;
  /** Whether a run belongs to that trace: after a resume, earlier answers do not. */
  readonly isOfTrace: (runId: string) => boolean;
}

const namespace = "5f0a9f0e-6a2b-4a59-9d0c-3b1f5a1e7c42";

/**
 * What a reviewed turn says of its runs: every review's five scores and verdict on the run that gave the answer, with the
 * critique, and the panel's mean and verdict on the whole. Where no run gave the answer (a panel got it from elsewhere, a
 * candidate took it from the cache), a review stands on its own run. Scores run from 1 to 10; a verdict is 1 or 0.
 */
export function createFeedbackEntries(turn: Turn, runs: VerdictRuns): FeedbackEntry[] {
  return [...reviewRatings(turn, runs), ...panelRatings(turn, runs)];
}

function reviewRatings({ turn, reviews, calls }: Turn, { trace, isOfTrace }: VerdictRuns): FeedbackEntry[] {
  const answer = findRunId(calls, ({ caller, group }) => group === "" && caller === "candidate");
  return reviews.flatMap(({ reviewer, scores, verdict, critique }) => {
    const sourceRunId = findRunId(calls, ({ caller, group }) => group === "reviewer" && caller === reviewer);
    const runId = answer ?? sourceRunId;
    if (runId === undefined) return [];
    const rating = (key: string, score: number, value?: string): FeedbackEntry => ({
      id: createUuid(`${runId} ${sourceRunId ?? reviewer} ${key}`, namespace),
      runId,
      traceId: isOfTrace(runId) ? trace : undefined,
      key,
      score,
      value,
      comment: critique,
      sourceRunId,
      source: { reviewer, turn },
    });
    return [...reviewDimensions.map((dimension) => rating(dimension, scores[dimension])), rating("verdict", toScore(verdict), verdict)];
  });
}

function panelRatings({ turn, reviews, verdict }: Turn, { rootRunId, trace }: VerdictRuns): FeedbackEntry[] {
  if (reviews.length === 0 || verdict === null) return [];
  const scores = reviews.flatMap((review) => reviewDimensions.map((dimension) => review.scores[dimension]));
  const positive = reviews.filter((review) => review.verdict === "positive").length;
  const rating = (key: string, score: number, value?: string): FeedbackEntry => ({
    id: createUuid(`${rootRunId} ${turn} ${key}`, namespace),
    runId: rootRunId,
    traceId: trace,
    key,
    score,
    value,
    comment: `turn ${turn}: ${positive} of ${reviews.length} reviews positive`,
    source: { turn },
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return [rating("panel_score", mean), rating("panel_verdict", toScore(verdict), verdict)];
}

/** The run of the last such call: the one whose reply was used. */
function findRunId(calls: readonly CallUsage[], isWanted: (call: CallUsage) => boolean): string | undefined {
  const runId = calls.findLast(isWanted)?.runId;
  return runId !== undefined && isUuid(runId) ? runId : undefined;
}

function toScore(verdict: "positive" | "negative"): number {
  return verdict === "positive" ? 1 : 0;
}

/** Name of the node that records a verdict. */
const aggregateNode = "aggregate_reviews";
/** Input and output of that node. */
const VerdictInput = z.object({ turns: z.array(Turn).min(1) });
const VerdictOutput = z.object({ turns: z.tuple([TurnUpdate.required({ verdict: true })]) });

/**
 * Watches a run as a callback and rates each turn at its verdict. All it needs stands in the turn's record, run ids included,
 * so it holds after a resume in another process and within a host graph as well.
 */
export class FeedbackTracer extends BaseTracer {
  readonly name = "review_feedback";
  /** Model runs of each open trace that may be rated: those of candidates and reviewers. */
  readonly #rateable = new Map<string, Set<string>>();

  constructor(private readonly rate: (rating: FeedbackEntry) => void) {
    super(awaitHandlers);
  }

  override onLLMStart(run: Run): void {
    const role = run.extra?.metadata?.role;
    if (run.trace_id === undefined || (role !== "candidate" && role !== "reviewer")) return;
    const known = this.#rateable.get(run.trace_id) ?? new Set();
    this.#rateable.set(run.trace_id, known.add(run.id));
  }

  override onChainEnd({ name, extra, inputs, outputs, trace_id: trace, parent_run_id: parent }: Run): void {
    if (name !== aggregateNode || extra?.metadata?.langgraph_node !== aggregateNode || parent === undefined) return;
    const turn = VerdictInput.safeParse(inputs).data?.turns.at(-1);
    const ruled = VerdictOutput.safeParse(outputs).data?.turns[0];
    if (!turn || !ruled || ruled.turn !== turn.turn) return;
    const isOfTrace = (runId: string) => trace !== undefined && this.#rateable.get(trace)?.has(runId) === true;
    for (const rating of createFeedbackEntries({ ...turn, verdict: ruled.verdict }, { rootRunId: parent, trace, isOfTrace })) this.rate(rating);
  }

  override onRunUpdate(run: Run): void {
    if (run.parent_run_id === undefined) this.#rateable.delete(run.id);
  }

  protected async persistRun(): Promise<void> {}
}
