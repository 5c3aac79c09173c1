import { createHash } from "node:crypto";

import type { RunnableConfig } from "@langchain/core/runnables";

import type { Env } from "../env.js";
import { InputError } from "../errors.js";
import { createRedactor } from "../redaction.js";
import { getConfiguredEndpoints, getEndpointSecrets } from "./endpoint-secrets.js";
import { FeedbackTracer } from "./feedback.js";
import { type ConversationTraceMetadata, createConversationLabels } from "./labels.js";
import { getEnvSampleRate, getProject, isHidden, isLangChainTracingOn, isTracingOn } from "./langsmith-env.js";
import { type DroppedTraces, TraceClient } from "./trace-client.js";
import { TraceFile } from "./trace-file.js";
import { createNoopTracer, createTracer } from "./tracers.js";

export interface TracingOptions {
  readonly env: Env;
  /**
   * LangSmith project.
   *
   * @default LANGSMITH_PROJECT, else `default`
   */
  readonly project?: string;
  /** Name that groups the traces of this job, for finding them and for comparison with another job. */
  readonly experiment?: string;
  /**
   * Rate of conversations to trace, 0 to 1. The same conversations are traced each time.
   *
   * @default LANGSMITH_TRACING_SAMPLING_RATE, else 1
   */
  readonly sample?: number;
  /**
   * Maximum time to wait for LangSmith at the end, in milliseconds.
   *
   * @default 3000
   */
  readonly flushMs?: number;
  /** Path of a local file that gets the same runs, with or without LangSmith. */
  readonly traceFile?: string;
  /** Called with one line about traces that were not stored. */
  readonly onWarning: (text: string) => void;
}

export interface Tracing {
  /** Returns the config of a conversation's run: run name, tags, metadata, callbacks. */
  getRunConfig(conversation: ConversationTraceMetadata): RunnableConfig;
  /**
   * Sends the remaining runs, for at most `flushMs`.
   *
   * @returns `dropped` counts the traces that were not sent completely.
   */
  close(): Promise<{ dropped: number }>;
}

/**
 * Opens the tracing of a job.
 *
 * LangSmith gets traces only if LANGSMITH_TRACING or LANGCHAIN_TRACING_V2 is "true". A failure of LangSmith never changes a run.
 *
 * @throws {InputError} For an invalid sample rate, or a trace file that cannot be written.
 */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { env, project = getProject(env), experiment, flushMs = 3000, traceFile, onWarning } = options;
  const sampleRate = getSampleRate(options);
  const redactor = createRedactor(env);
  const client = isTracingOn(env) ? new TraceClient({ env, project, redactor }) : null;
  const file = traceFile === undefined ? null : await TraceFile.open(traceFile, redactor, onWarning);
  const noCallbacks = isLangChainTracingOn(env) ? [createNoopTracer()] : [];
  const clientCallbacks = client ? [createTracer(client, project), new FeedbackTracer((entry) => client.sendFeedback(entry))] : noCallbacks;
  const callbacks = file ? [...clientCallbacks, file] : clientCallbacks;

  return {
    getRunConfig: (conversation) => {
      const { id, seedTitle, seedIndex, settings } = conversation;
      // LangChain would pass unused labels down to every step.
      if (callbacks === noCallbacks || !isSampled(id, sampleRate)) return { callbacks: noCallbacks };
      redactor.addSecrets(getEndpointSecrets(getConfiguredEndpoints(settings)));
      const { tags, metadata } = createConversationLabels(conversation, experiment);
      return {
        // The title may be the seed's text, which is an input.
        runName: isHidden(env, "INPUTS") ? `seed ${seedIndex ?? id}` : seedTitle,
        tags: [...tags],
        metadata: { ...metadata, thread_id: id },
        callbacks,
      };
    },
    close: async () => {
      await file?.close();
      const dropped = await client?.close(flushMs);
      if (dropped && dropped.traces + dropped.feedback > 0) onWarning(formatDropped(dropped));
      return { dropped: dropped?.traces ?? 0 };
    },
  };
}

function getSampleRate({ sample, env }: TracingOptions): number {
  const rate = sample ?? getEnvSampleRate(env);
  if (rate >= 0 && rate <= 1) return rate;
  throw new InputError(`the share of conversations to trace must be a number from 0 to 1, not ${rate}`, { field: "sample" });
}

/** Depends on the id alone, so that a conversation is traced completely, after every resume too. */
function isSampled(id: string, rate: number): boolean {
  const hash = createHash("sha256").update(id).digest().readUIntBE(0, 6);
  return hash < rate * 2 ** 48;
}

function formatDropped({ traces, feedback, reason }: DroppedTraces): string {
  const formatCount = (count: number, one: string, many: string) => (count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]);
  const dropped = [...formatCount(traces, "trace", "traces"), ...formatCount(feedback, "feedback entry", "feedback entries")].join(" and ");
  return `LangSmith did not get ${dropped} in full: ${reason ?? "there was too much to send"}. The conversations are not affected.`;
}
