import { z } from "zod";

import { TurnUpdate } from "../state/records.js";
import type { Settings } from "../state/settings.js";

/** Tags and metadata that are added to a run. */
export interface Labels {
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The facts of a run that its labels depend on. */
export interface RunInfo {
  readonly id: string;
  readonly parentId?: string;
  readonly name?: string;
  /** `llm` for a model run. */
  readonly type?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly failed?: boolean;
  readonly outputs?: unknown;
}

/** A run that has ended, with its labels. */
export interface CompletedRun<T> {
  readonly run: T;
  readonly labels: Labels;
}

const noLabels: Labels = { tags: [], metadata: {} };

/**
 * Adds labels that are known only later: the attempt number, and the verdict.
 *
 * Model runs under one node are attempts at one response. A later attempt is a `retry` if the call before it failed, or a
 * `repair` if its response could not be used. A reviewer's last model run is held until its node ends so that it can carry the
 * verdict.
 */
export class RunLabeler<T> {
  /** Attempts so far, by parent run. */
  readonly #attempts = new Map<string, { readonly count: number; readonly failed: boolean }>();
  /** Labels of model runs in progress. */
  readonly #labels = new Map<string, Labels>();
  /** The newest model run of each reviewer in progress, by parent run. */
  readonly #pendingReviewerRuns = new Map<string, CompletedRun<T>>();

  /** Records the start of a run and returns the labels known by then. */
  startRun({ id, parentId, type }: RunInfo): Labels {
    if (type !== "llm" || parentId === undefined) return noLabels;
    const earlier = this.#attempts.get(parentId);
    const count = (earlier?.count ?? 0) + 1;
    const labels = createAttemptLabels(count, earlier?.failed ?? false);
    this.#attempts.set(parentId, { count, failed: false });
    this.#labels.set(id, labels);
    return labels;
  }

  /** Records the end of a run and returns the runs whose labels are complete, in order. */
  endRun(info: RunInfo, run: T): CompletedRun<T>[] {
    return info.type === "llm" ? this.#endModelRun(info, run) : this.#endNodeRun(info, run);
  }

  #endModelRun({ id, parentId, metadata, failed = false }: RunInfo, run: T): CompletedRun<T>[] {
    const labels = this.#labels.get(id) ?? noLabels;
    this.#labels.delete(id);
    if (parentId === undefined) return [{ run, labels }];
    this.#attempts.set(parentId, { count: this.#attempts.get(parentId)?.count ?? 1, failed });
    if (metadata.role !== "reviewer") return [{ run, labels }];
    const earlier = this.#pendingReviewerRuns.get(parentId);
    this.#pendingReviewerRuns.set(parentId, { run, labels });
    return earlier ? [earlier] : [];
  }

  #endNodeRun(info: RunInfo, run: T): CompletedRun<T>[] {
    const labels = getResultLabels(info);
    const pending = this.#pendingReviewerRuns.get(info.id);
    this.#pendingReviewerRuns.delete(info.id);
    this.#attempts.delete(info.id);
    return [...(pending ? [{ run: pending.run, labels: mergeLabels(pending.labels, labels) }] : []), { run, labels }];
  }
}

function createAttemptLabels(attempt: number, afterFailure: boolean): Labels {
  if (attempt === 1) return { tags: [], metadata: { attempt } };
  const reason = afterFailure ? "retry" : "repair";
  return { tags: [`attempt:${attempt}`, reason], metadata: { attempt, attempt_reason: reason } };
}

/** Output of the nodes `reviewer` and `aggregate_reviews`. Neither of them sets `evolution`, so a whole turn does not match. */
const NodeOutput = z.object({ turns: z.tuple([TurnUpdate.extend({ evolution: z.undefined().optional() })]) });

function getResultLabels({ name, metadata, outputs }: RunInfo): Labels {
  if (name !== metadata.langgraph_node || (name !== "reviewer" && name !== "aggregate_reviews")) return noLabels;
  const { data } = NodeOutput.safeParse(outputs);
  if (!data) return noLabels;
  const [{ turn, reviews, abstentions, verdict }] = data.turns;
  const review = reviews?.[0];
  if (review) {
    const labels = toLabels({ turn, reviewer: review.reviewer, verdict: review.verdict });
    return mergeLabels(labels, { tags: [], metadata: { scores: review.scores } });
  }
  const abstention = abstentions?.[0];
  if (abstention) {
    const labels = toLabels({ turn, reviewer: abstention.reviewer, abstention: abstention.code });
    return mergeLabels(labels, { tags: ["abstention"], metadata: {} });
  }
  return verdict ? toLabels({ turn, verdict }) : noLabels;
}

/** The facts about a conversation that its traces show. */
export interface ConversationTraceMetadata {
  /** Also the id of the thread. */
  readonly id: string;
  /** Name of the trace. */
  readonly seedTitle: string;
  /** Index of the seed in its file, from 0. */
  readonly seedIndex?: number;
  readonly settings: Settings;
  /** Digest of settings, models and prompts. */
  readonly fingerprint: string;
}

/** Creates the labels that every run of a conversation carries. */
export function createConversationLabels(
  { id, seedIndex, settings, fingerprint }: Omit<ConversationTraceMetadata, "seedTitle">,
  experiment?: string,
): Labels {
  return toLabels({
    conversation: id,
    ...(seedIndex === undefined ? {} : { seed: seedIndex }),
    mode: settings.mode,
    settings: fingerprint,
    ...(experiment === undefined ? {} : { experiment }),
  });
}

/** Returns every label both as a tag `name:value` and as metadata. */
function toLabels(metadata: Readonly<Record<string, string | number>>): Labels {
  return { tags: Object.entries(metadata).map(([name, value]) => `${name}:${value}`), metadata };
}

function mergeLabels(first: Labels, second: Labels): Labels {
  return { tags: [...new Set([...first.tags, ...second.tags])], metadata: { ...first.metadata, ...second.metadata } };
}
