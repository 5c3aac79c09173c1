import { createHash } from "node:crypto";

import type { RunnableConfig } from "@langchain/core/runnables";

import type { Env } from "../env.js";
import { InputError } from "../errors.js";
import { getEndpoints, getEndpointSecrets } from "./endpoint-secrets.js";
import { FeedbackTracer } from "./feedback.js";
import { type ConversationTraceMetadata, conversationLabels } from "./labels.js";
import { createRedactor } from "../redaction.js";
import { createNoopTracer, createTracer } from "./tracers.js";
import { type DroppedTraces, TraceClient } from "./trace-client.js";
import { TraceFile } from "./trace-file.js";
import { isHidden, isTracingOn, getProject, getEnvSampleRate, isLangChainTracingOn } from "./langsmith-env.js";

export interface TracingOptions {
  readonly env: Env;
  /** LangSmith project. Default: LANGSMITH_PROJECT, else `default`. */
  readonly project?: string;
  /** A name to find the traces of this job by, and to compare it with another. */
  readonly experiment?: string;
  /** Share of conversations to trace, 0 to 1, the same ones each time. Default: LANGSMITH_TRACING_SAMPLING_RATE, else 1. */
  readonly sample?: number;
  /** Longest wait for LangSmith at the end, in milliseconds. Default 3000. */
  readonly flushMs?: number;
  /** A local file for the same runs, with or without LangSmith. */
  readonly traceFile?: string;
  /** Told in one line what did not arrive. */
  readonly onWarning: (text: string) => void;
}

export interface Tracing {
  /** What a run of this conversation takes along: run name, tags, metadata, callbacks. */
  getRunConfig(conversation: ConversationTraceMetadata): RunnableConfig;
  /** Sends what is left, for `flushMs` at the most. `dropped` counts the traces that did not arrive in full. */
  close(): Promise<{ dropped: number }>;
}

/**
 * Tracing of a job. LangSmith gets traces exactly when LANGSMITH_TRACING or LANGCHAIN_TRACING_V2 is "true", and nothing that
 * it does or fails to do changes a run. Throws `InputError` for a bad share and for a trace file that cannot be written.
 */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { env, project = getProject(env), experiment, flushMs = 3000, traceFile, onWarning } = options;
  const sample = getSampleRate(options);
  const scrubber = createRedactor(env);
  const client = isTracingOn(env) ? new TraceClient({ env, project, scrubber }) : null;
  const file = traceFile === undefined ? null : await TraceFile.open(traceFile, scrubber, onWarning);
  const untraced = isLangChainTracingOn(env) ? [createNoopTracer()] : [];
  const sent = client ? [createTracer(client, project), new FeedbackTracer((rating) => client.sendFeedback(rating))] : untraced;
  const traced = file ? [...sent, file] : sent;

  return {
    getRunConfig: (conversation) => {
      const { id, seedTitle, seedIndex, settings } = conversation;
      // Labels that nobody reads would still be handed down to every step.
      if (traced === untraced || !isSampled(id, sample)) return { callbacks: untraced };
      scrubber.addSecrets(getEndpointSecrets(getEndpoints(settings)));
      const { tags, metadata } = conversationLabels(conversation, experiment);
      return {
        // A seed's name may be its text, which is an input.
        runName: isHidden(env, "INPUTS") ? `seed ${seedIndex ?? id}` : seedTitle,
        tags: [...tags],
        metadata: { ...metadata, thread_id: id },
        callbacks: traced,
      };
    },
    close: async () => {
      await file?.close();
      const losses = await client?.close(flushMs);
      if (losses && losses.traces + losses.ratings > 0) onWarning(formatDropped(losses));
      return { dropped: losses?.traces ?? 0 };
    },
  };
}

function getSampleRate({ sample, env }: TracingOptions): number {
  const share = sample ?? getEnvSampleRate(env);
  if (share >= 0 && share <= 1) return share;
  throw new InputError(`the share of conversations to trace must be a number from 0 to 1, not ${share}`, { field: "sample" });
}

/** Decided by the id alone, so that a conversation is traced as a whole, over every resume. */
function isSampled(id: string, share: number): boolean {
  const hash = createHash("sha256").update(id).digest().readUIntBE(0, 6);
  return hash < share * 2 ** 48;
}

function formatDropped({ traces, ratings, reason }: DroppedTraces): string {
  const counted = (count: number, what: string) => (count === 0 ? [] : [`${count} ${what}${count === 1 ? "" : "s"}`]);
  const lost = [...counted(traces, "trace"), ...counted(ratings, "rating")].join(" and ");
  return `LangSmith did not get ${lost} in full: ${reason ?? "there was too much to send"}. The conversations themselves are unharmed.`;
}
