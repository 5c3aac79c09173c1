import { z } from "zod";

import { TurnUpdate } from "../state/records.js";
import type { Settings } from "../state/settings.js";

/** What a run is found by, beside what its caller gave it. */
export interface Labels {
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What the labels of a run follow from. */
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

/** A run that has ended, with its labels, ready to go out. */
export interface CompletedRun<T> {
  readonly run: T;
  readonly labels: Labels;
}

const none: Labels = { tags: [], metadata: {} };

/**
 * Labels that only the course of a trace tells. Model runs under one node are attempts at one reply: each is numbered, and a
 * later one is a `retry` (the call before it failed) or a `repair` (its reply could not be used). What a review came to is
 * known only when the reviewer's node ends, so its last model run is held back until then and carries the verdict too.
 */
export class RunLabeler<T> {
  /** Attempts so far, by the run above them. */
  readonly #attempts = new Map<string, { readonly count: number; readonly failed: boolean }>();
  /** Of open model runs. */
  readonly #labels = new Map<string, Labels>();
  /** The newest model run of each reviewer at work, by the run above it. */
  readonly #pendingReviewerRuns = new Map<string, CompletedRun<T>>();

  started({ id, parentId, type }: RunInfo): Labels {
    if (type !== "llm" || parentId === undefined) return none;
    const before = this.#attempts.get(parentId);
    const labels = attemptLabels((before?.count ?? 0) + 1, before?.failed ?? false);
    this.#attempts.set(parentId, { count: (before?.count ?? 0) + 1, failed: false });
    this.#labels.set(id, labels);
    return labels;
  }

  /** The runs that can go out now, in order. */
  ended(info: RunInfo, run: T): CompletedRun<T>[] {
    return info.type === "llm" ? this.#modelEnded(info, run) : this.#nodeEnded(info, run);
  }

  #modelEnded({ id, parentId, metadata, failed = false }: RunInfo, run: T): CompletedRun<T>[] {
    const labels = this.#labels.get(id) ?? none;
    this.#labels.delete(id);
    if (parentId === undefined) return [{ run, labels }];
    this.#attempts.set(parentId, { count: this.#attempts.get(parentId)?.count ?? 1, failed });
    if (metadata.role !== "reviewer") return [{ run, labels }];
    const earlier = this.#pendingReviewerRuns.get(parentId);
    this.#pendingReviewerRuns.set(parentId, { run, labels });
    return earlier ? [earlier] : [];
  }

  #nodeEnded(info: RunInfo, run: T): CompletedRun<T>[] {
    const outcome = getOutcomeLabels(info);
    const held = this.#pendingReviewerRuns.get(info.id);
    this.#pendingReviewerRuns.delete(info.id);
    this.#attempts.delete(info.id);
    return [...(held ? [{ run: held.run, labels: mergeLabels(held.labels, outcome) }] : []), { run, labels: outcome }];
  }
}

function attemptLabels(attempt: number, afterFailure: boolean): Labels {
  if (attempt === 1) return { tags: [], metadata: { attempt } };
  const reason = afterFailure ? "retry" : "repair";
  return { tags: [`attempt:${attempt}`, reason], metadata: { attempt, attempt_reason: reason } };
}

/** What the nodes `reviewer` and `verdict` write; a whole turn (`evolution`) is none of theirs. */
const NodeOutput = z.object({ turns: z.tuple([TurnUpdate.extend({ evolution: z.undefined().optional() })]) });

function getOutcomeLabels({ name, metadata, outputs }: RunInfo): Labels {
  if (name !== metadata.langgraph_node || (name !== "reviewer" && name !== "aggregate_reviews")) return none;
  const { data } = NodeOutput.safeParse(outputs);
  if (!data) return none;
  const [{ turn, reviews, abstentions, verdict }] = data.turns;
  const review = reviews?.[0];
  if (review)
    return mergeLabels(toLabels({ turn, reviewer: review.reviewer, verdict: review.verdict }), { tags: [], metadata: { scores: review.scores } });
  const abstention = abstentions?.[0];
  if (abstention)
    return mergeLabels(toLabels({ turn, reviewer: abstention.reviewer, abstention: abstention.code }), { tags: ["abstention"], metadata: {} });
  return verdict ? toLabels({ turn, verdict }) : none;
}

/** What traces tell of a conversation. */
export interface ConversationTraceMetadata {
  /** Also the thread's id. */
  readonly id: string;
  /** Names the trace. */
  readonly seedTitle: string;
  /** Place in the seed file, from 0. */
  readonly seedIndex?: number;
  readonly settings: Settings;
  /** Stands for settings, models and prompts together. */
  readonly fingerprint: string;
}

/** The labels that every run of a conversation carries. */
export function conversationLabels(
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

/** Every label both as a tag `name:value` and as metadata. */
function toLabels(metadata: Readonly<Record<string, string | number>>): Labels {
  return { tags: Object.entries(metadata).map(([name, value]) => `${name}:${value}`), metadata };
}

/** Both sets of labels, each tag once. */
function mergeLabels(first: Labels, second: Labels): Labels {
  return { tags: [...new Set([...first.tags, ...second.tags])], metadata: { ...first.metadata, ...second.metadata } };
}
