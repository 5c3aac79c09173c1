import { Client } from "langsmith";

import type { Env } from "../env.js";
import type { Redactor } from "../redaction.js";
import type { FeedbackEntry } from "./feedback-entry.js";
import { type Labels, RunLabeler } from "./labels.js";
import { getClientConfig, isHidden } from "./langsmith-env.js";
import { LangSmithFetch, type LangSmithFetchOptions } from "./langsmith-fetch.js";
import { UploadTracker } from "./upload-tracker.js";

type CreatedRun = Parameters<Client["createRun"]>[0] & { tags?: string[] };
type UpdatedRun = Parameters<Client["updateRun"]>[1];
type Destination = Parameters<Client["createRun"]>[1];

export interface TraceClientOptions extends LangSmithFetchOptions {
  readonly env: Env;
  readonly project: string;
  readonly redactor: Redactor;
}

/** What LangSmith did not get, and why. */
export interface DroppedTraces {
  /** Number of traces that lack at least one run. */
  readonly traces: number;
  /** Number of feedback entries. */
  readonly feedback: number;
  readonly reason: string | null;
}

/** Request headers, API keys included: a LangGraph server copies them to the metadata. */
const headerName = /^(?:x-.*|user-agent)$/i;
/** Milliseconds in which runs are collected before they are sent together. */
const flushDelayMs = 250;
/** Feedback entries above this number are dropped, which bounds the memory. */
const maxPendingFeedback = 5000;

/**
 * A LangSmith client for tracing that never delays or fails a run.
 *
 * Labels and redacts every run and sends runs in the background, one upload at a time. Memory is bounded. What LangSmith does
 * not accept is dropped and counted.
 */
export class TraceClient extends Client {
  readonly #langsmithFetch: LangSmithFetch;
  readonly #labeler = new RunLabeler<(labels: Labels) => Promise<void>>();
  readonly #tracker = new UploadTracker();
  readonly #pendingFeedback = new Set<Promise<void>>();
  readonly #hidesOutputs: boolean;
  #projectId: Promise<string> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | null = null;
  #lastUploadSucceeded = true;

  constructor(private readonly options: TraceClientOptions) {
    const { env } = options;
    const langsmithFetch = new LangSmithFetch(options);
    const hidesOutputs = isHidden(env, "OUTPUTS");
    super({
      ...getClientConfig(env),
      hideInputs: isHidden(env, "INPUTS"),
      hideOutputs: hidesOutputs,
      hideMetadata: isHidden(env, "METADATA"),
      fetchImplementation: langsmithFetch.fetch,
      tracingMode: "langsmith",
      // Conversations are sampled by `openTracing`. The SDK would sample by trace.
      tracingSamplingRate: 1,
      // Otherwise every LANGSMITH_ and LANGCHAIN_ variable would become metadata.
      omitTracedRuntimeInfo: true,
      manualFlushMode: true,
      disablePromptCache: true,
    });
    this.#langsmithFetch = langsmithFetch;
    this.#hidesOutputs = hidesOutputs;
  }

  override async createRun(run: CreatedRun, destination?: Destination): Promise<void> {
    const { id = "", parent_run_id: parentId, run_type: type, extra } = run;
    const info = { id, parentId, type, metadata: extra?.metadata ?? {} };
    await this.#send(run, this.#labeler.startRun(info), (redacted) => super.createRun(redacted, destination));
  }

  override async updateRun(runId: string, run: UpdatedRun, destination?: Destination): Promise<void> {
    const { name, parent_run_id: parentId, run_type: type, extra, outputs, error } = run;
    const info = { id: runId, parentId, name, type, metadata: extra?.metadata ?? {}, outputs, failed: error !== undefined };
    const sendUpdate = (labels: Labels) => this.#send(run, labels, (redacted) => super.updateRun(runId, redacted, destination));
    for (const completed of this.#labeler.endRun(info, sendUpdate)) await completed.run(completed.labels);
  }

  /** Sends a feedback entry in the background. */
  sendFeedback(entry: FeedbackEntry): void {
    const countLost = () => {
      this.#tracker.lostFeedback += 1;
    };
    if (this.#langsmithFetch.isCircuitOpen || this.#pendingFeedback.size >= maxPendingFeedback) return countLost();
    const sending = this.#createFeedback(entry)
      .catch(countLost)
      .finally(() => this.#pendingFeedback.delete(sending));
    this.#pendingFeedback.add(sending);
  }

  /** Sends the remaining runs and feedback, for at most `timeoutMs`, and stops. */
  async close(timeoutMs: number): Promise<DroppedTraces> {
    const timer = setTimeout(() => this.#langsmithFetch.close(), timeoutMs);
    while (this.#pendingFeedback.size > 0 || this.#tracker.isWaiting || this.#flushing) {
      await Promise.all(this.#pendingFeedback);
      await this.#flush();
    }
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#langsmithFetch.close();
    const { lostTraces: traces, lostFeedback: feedback } = this.#tracker;
    return { traces, feedback, reason: this.#langsmithFetch.failureReason };
  }

  async #send<R extends CreatedRun | UpdatedRun>(run: R, labels: Labels, send: (redacted: R) => Promise<void>): Promise<void> {
    const traceId = run.trace_id ?? "";
    const hasEnded = run.parent_run_id === undefined && run.end_time !== undefined;
    if (this.#langsmithFetch.isCircuitOpen) return this.#tracker.markLost(traceId, hasEnded);
    const { value: redacted, size } = this.options.redactor.redactValue({
      ...run,
      // How LangGraph built a node is of no use in a trace.
      serialized: run.run_type === "llm" ? run.serialized : undefined,
      tags: [...new Set([...(run.tags ?? []), ...labels.tags])],
      extra: { ...run.extra, metadata: { ...dropHeaders(run.extra?.metadata), ...labels.metadata } },
    });
    if (!this.#tracker.reserve(size)) return this.#tracker.markLost(traceId, hasEnded);
    await send(redacted);
    this.#tracker.addRun(traceId, hasEnded);
    this.#scheduleFlush();
  }

  async #createFeedback({ id, source, comment, ...entry }: FeedbackEntry): Promise<void> {
    this.#projectId ??= this.#findProjectId();
    const sessionId = await this.#projectId.catch((error: unknown) => {
      this.#projectId = null;
      throw error;
    });
    // A comment is a model's output.
    const redacted = comment === undefined || this.#hidesOutputs ? undefined : this.options.redactor.redactText(comment);
    await this.createFeedback({
      ...entry,
      feedbackId: id,
      sessionId,
      comment: redacted,
      sourceInfo: { ...source },
      feedbackSourceType: "model",
    });
    // Without a trace id the SDK sends it at once, else with the next upload.
    if (entry.traceId === undefined) return;
    this.#tracker.addFeedback();
    this.#scheduleFlush();
  }

  /** Finds the id of the project, or creates the project. */
  async #findProjectId(): Promise<string> {
    const { project: projectName } = this.options;
    const { id } = await this.readProject({ projectName }).catch(() => this.createProject({ projectName, upsert: true }));
    return id;
  }

  #scheduleFlush(): void {
    this.#timer ??= setTimeout(() => void this.#flush(), flushDelayMs);
  }

  /** Uploads everything that waits. Only one upload runs at a time, so that a failure belongs to a known batch. */
  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing ??= this.#upload().finally(() => {
      this.#flushing = null;
      if (this.#tracker.isWaiting) this.#scheduleFlush();
    });
    return this.#flushing;
  }

  async #upload(): Promise<void> {
    const batch = this.#tracker.takeBatch();
    const { uploadCount, failedUploadCount } = this.#langsmithFetch;
    const flushed = await this.flush().then(
      () => true,
      () => false,
    );
    // The SDK still adds runs to an upload that waits for the server. A batch without its own upload was part of the last one.
    if (this.#langsmithFetch.uploadCount > uploadCount || !flushed) {
      this.#lastUploadSucceeded = flushed && this.#langsmithFetch.failedUploadCount === failedUploadCount;
    }
    this.#tracker.completeBatch(batch, this.#lastUploadSucceeded);
  }
}

function dropHeaders(metadata: object = {}): object {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !headerName.test(name)));
}
