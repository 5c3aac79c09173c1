import { Client } from "langsmith";

import type { Env } from "../env.js";
import { LangSmithFetch, type ConnectionOptions } from "./langsmith-fetch.js";
import { type Labels, RunLabeler } from "./labels.js";
import { UploadTracker } from "./upload-tracker.js";
import type { Redactor } from "../redaction.js";
import { getLangSmithAccess, isHidden } from "./langsmith-env.js";

type CreatedRun = Parameters<Client["createRun"]>[0] & { tags?: string[] };
type UpdatedRun = Parameters<Client["updateRun"]>[1];
type Destination = Parameters<Client["createRun"]>[1];

/** One judgement of one run. */
export interface FeedbackEntry {
  /** The same judgement always has the same id, so that saying it again changes nothing. */
  readonly id: string;
  readonly runId: string;
  /** The trace that the run belongs to, where known. */
  readonly traceId?: string;
  readonly key: string;
  readonly score: number;
  readonly value?: string;
  readonly comment?: string;
  /** The run that judged. */
  readonly sourceRunId?: string;
  readonly source: Readonly<Record<string, string | number>>;
}

export interface TraceClientOptions extends ConnectionOptions {
  readonly env: Env;
  readonly project: string;
  readonly scrubber: Redactor;
}

/** What did not arrive, and why. */
export interface DroppedTraces {
  /** Traces that lack at least one of their runs. */
  readonly traces: number;
  readonly ratings: number;
  readonly reason: string | null;
}

/** A LangGraph server makes metadata of the headers of a request, keys included. */
const headerName = /^(?:x-.*|user-agent)$/i;
/** How long runs are collected before they are sent together, in milliseconds. */
const collectMs = 250;
/** Ratings under way at once; more are dropped rather than held. */
const maxPendingFeedback = 5000;

/**
 * A LangSmith client for tracing that is never a burden: everything is labelled and scrubbed on its way, sent in the
 * background by one upload after the other, bounded in memory, and dropped where LangSmith does not take it.
 */
export class TraceClient extends Client {
  readonly #connection: LangSmithFetch;
  readonly #labels = new RunLabeler<(labels: Labels) => Promise<void>>();
  readonly #ledger = new UploadTracker();
  readonly #ratings = new Set<Promise<void>>();
  readonly #hidesOutputs: boolean;
  #session: Promise<string> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | null = null;
  #lastArrived = true;

  constructor(private readonly options: TraceClientOptions) {
    const { env } = options;
    const connection = new LangSmithFetch(options);
    const hidesOutputs = isHidden(env, "OUTPUTS");
    super({
      ...getLangSmithAccess(env),
      hideInputs: isHidden(env, "INPUTS"),
      hideOutputs: hidesOutputs,
      hideMetadata: isHidden(env, "METADATA"),
      fetchImplementation: connection.fetch,
      tracingMode: "langsmith",
      // We sample by conversation; the SDK would sample by trace.
      tracingSamplingRate: 1,
      // Else every LANGSMITH_ and LANGCHAIN_ variable would become metadata.
      omitTracedRuntimeInfo: true,
      manualFlushMode: true,
      disablePromptCache: true,
    });
    this.#connection = connection;
    this.#hidesOutputs = hidesOutputs;
  }

  override async createRun(run: CreatedRun, destination?: Destination): Promise<void> {
    const { id = "", parent_run_id: parentId, run_type: type, extra } = run;
    const info = { id, parentId, type, metadata: extra?.metadata ?? {} };
    await this.#send(run, this.#labels.started(info), (clean) => super.createRun(clean, destination));
  }

  override async updateRun(runId: string, run: UpdatedRun, destination?: Destination): Promise<void> {
    const { name, parent_run_id: parentId, run_type: type, extra, outputs, error } = run;
    const info = { id: runId, parentId, name, type, metadata: extra?.metadata ?? {}, outputs, failed: error !== undefined };
    const deliver = (labels: Labels) => this.#send(run, labels, (clean) => super.updateRun(runId, clean, destination));
    for (const { run: send, labels } of this.#labels.ended(info, deliver)) await send(labels);
  }

  /** Sends a rating in the background. */
  sendFeedback(rating: FeedbackEntry): void {
    const lose = () => {
      // Told at the end.
      this.#ledger.lostRatings += 1;
    };
    if (this.#connection.isCircuitOpen || this.#ratings.size >= maxPendingFeedback) return lose();
    const rated = this.#rate(rating)
      .catch(lose)
      .finally(() => this.#ratings.delete(rated));
    this.#ratings.add(rated);
  }

  /** Sends what is left, within `deadlineMs`, and then nothing more. */
  async close(deadlineMs: number): Promise<DroppedTraces> {
    const timer = setTimeout(() => this.#connection.close(), deadlineMs);
    while (this.#ratings.size > 0 || this.#ledger.isWaiting || this.#flushing) {
      await Promise.all(this.#ratings);
      await this.#flush();
    }
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#connection.close();
    const { lostTraces: traces, lostRatings: ratings } = this.#ledger;
    return { traces, ratings, reason: this.#connection.reason };
  }

  async #send<R extends CreatedRun | UpdatedRun>(run: R, labels: Labels, deliver: (run: R) => Promise<void>): Promise<void> {
    const traceId = run.trace_id ?? "";
    const ended = run.parent_run_id === undefined && run.end_time !== undefined;
    if (this.#connection.isCircuitOpen) return this.#ledger.markLost(traceId, ended);
    const { value: clean, size } = this.options.scrubber.redactValue({
      ...run,
      // How LangGraph put a node together tells nobody anything.
      serialized: run.run_type === "llm" ? run.serialized : undefined,
      tags: [...new Set([...(run.tags ?? []), ...labels.tags])],
      extra: { ...run.extra, metadata: { ...withoutHeaders(run.extra?.metadata), ...labels.metadata } },
    });
    if (!this.#ledger.reserve(size)) return this.#ledger.markLost(traceId, ended);
    await deliver(clean);
    this.#ledger.add(traceId, ended);
    this.#flushSoon();
  }

  async #rate({ id, source, comment, ...rating }: FeedbackEntry): Promise<void> {
    this.#session ??= this.#findSession();
    const sessionId = await this.#session.catch((error: unknown) => {
      this.#session = null;
      throw error;
    });
    // A comment is what a model wrote.
    const shown = comment === undefined || this.#hidesOutputs ? undefined : this.options.scrubber.redactText(comment);
    await this.createFeedback({ ...rating, feedbackId: id, sessionId, comment: shown, sourceInfo: { ...source }, feedbackSourceType: "model" });
    // Without its trace it went out on its own.
    if (rating.traceId === undefined) return;
    this.#ledger.addRating();
    this.#flushSoon();
  }

  /** The id of the project, which is made where it does not exist yet. */
  async #findSession(): Promise<string> {
    const { project: projectName } = this.options;
    const { id } = await this.readProject({ projectName }).catch(() => this.createProject({ projectName, upsert: true }));
    return id;
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => void this.#flush(), collectMs);
  }

  /** Uploads all that waits. One upload at a time, so that it can be told what failed. */
  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing ??= this.#upload().finally(() => {
      this.#flushing = null;
      if (this.#ledger.isWaiting) this.#flushSoon();
    });
    return this.#flushing;
  }

  async #upload(): Promise<void> {
    const batch = this.#ledger.takeBatch();
    const { uploads, failures } = this.#connection;
    const sent = await this.flush().then(
      () => true,
      () => false,
    );
    // While it waits for the server, the SDK still adds to an upload: with none of its own, a batch went with the one before.
    if (this.#connection.uploads > uploads || !sent) this.#lastArrived = sent && this.#connection.failures === failures;
    this.#ledger.completeBatch(batch, this.#lastArrived);
  }
}

function withoutHeaders(metadata: object = {}): object {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !headerName.test(name)));
}
