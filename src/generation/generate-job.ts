import { ConversationRow, type Provenance, toConversationRow } from "../dataset/conversation-row.js";
import { readSeeds } from "../dataset/seeds/read-seeds.js";
import { InputError, getErrorMessage } from "../errors.js";
import type { JobDefinition } from "../jobs/job-definition.js";
import type { JobEstimate } from "../jobs/job-estimate.js";
import type { OutputPaths } from "../jobs/output-folder.js";
import type { JobProgress } from "../jobs/progress.js";
import { type RunJobOptions, type RunJobResult, runJob } from "../jobs/run-job.js";
import type { PriceTable } from "../model-calls/budget/prices.js";
import { promptVersions } from "../prompts/versions.js";
import { type ResolvedSettings, resolveSettings } from "../state/resolve-settings.js";
import type { Settings } from "../state/settings.js";
import type { ConversationBackend, ConversationTask } from "./conversation-runner.js";
import { type ConversationStats, createStatsCounter } from "./conversation-stats.js";
import { estimateConversations } from "./estimate-cost.js";
import { computeFingerprint, conversationId, getFingerprintInput } from "./fingerprint.js";
import { type SeedScan, scanSeeds } from "./scan-seeds.js";

/** Options of {@link runGenerateJob}. */
export interface GenerateJobOptions extends Omit<RunJobOptions, "onProgress"> {
  /** A JSON array or JSONL file of seeds. */
  readonly seeds: string;
  readonly settings: Settings;
  /** Maximum number of seeds to use, from the first. Default: all. */
  readonly limit?: number;
  /**
   * Whether to skip bad rows instead of refusing the file.
   * @default false
   */
  readonly skipInvalid?: boolean;
  /**
   * Whether to keep the threads of finished conversations.
   * @default false
   */
  readonly keepCheckpoints?: boolean;
  /** Prices for the estimate. Default: none is known. */
  readonly prices?: PriceTable;
  /** Opens models and checkpoints, or a connection, once the output folder is locked. */
  readonly openBackend: (paths: OutputPaths) => ConversationBackend | Promise<ConversationBackend>;
  /** Called once all seeds were read a first time. */
  readonly onScan?: (scan: SeedScan) => void;
  readonly onProgress?: (progress: GenerateProgress) => void;
}

/** Progress in conversations, with statistics of those that this run finished. */
export interface GenerateProgress extends JobProgress, ConversationStats {}

/** Result of {@link runGenerateJob}. */
export interface GenerateJobResult extends RunJobResult, ConversationStats {
  /** Valid seeds of this process: all, or its shard's. */
  readonly total: number;
}

/**
 * Runs a generation job, resuming it if the output folder already exists: every seed becomes a conversation.
 *
 * @throws {InputError} For a bad seed file (see `skipInvalid`), and for `humanReview`.
 */
export async function runGenerateJob(options: GenerateJobOptions): Promise<GenerateJobResult> {
  const { job, scan, stats } = await prepareGenerateJob(options);
  const { onProgress } = options;
  const result = await runJob(job, { ...options, onProgress: (progress) => onProgress?.({ ...progress, ...stats.get() }) });
  return { ...result, ...stats.get(), total: scan.count };
}

/** Returns what a generation job will take, without spending or writing anything. */
export async function estimateGenerateJob(options: Omit<GenerateJobOptions, "openBackend" | "output" | "toolVersion">): Promise<JobEstimate> {
  const openBackend = () => Promise.reject(new Error("an estimate runs nothing"));
  const { estimate } = await prepareGenerateJob({ ...options, output: "", toolVersion: "", openBackend });
  return estimate();
}

async function prepareGenerateJob(options: GenerateJobOptions) {
  const { settings } = options;
  if (settings.humanReview)
    throw new InputError("`humanReview` needs a person at every turn: leave it out of a job, or use Studio or `run`", { field: "humanReview" });
  const resolved = resolveSettings(settings);
  const scan = await scanSeeds(options.seeds, options);
  options.onScan?.(scan);
  const stats = createStatsCounter();
  const estimate = () => estimateConversations(resolved, scan, options.prices ?? {});
  return { job: createGenerateJob({ ...options, resolved, scan, estimate, onRow: stats.add }), scan, stats, estimate };
}

interface GenerateJobParts extends GenerateJobOptions {
  readonly resolved: ResolvedSettings;
  readonly scan: SeedScan;
  readonly estimate: () => JobEstimate;
  readonly onRow: (row: ConversationRow) => void;
}

function createGenerateJob(parts: GenerateJobParts): JobDefinition<ConversationTask, ConversationRow> {
  const { seeds, resolved, scan, keepCheckpoints = false, estimate, openBackend, onRow, onWarning } = parts;
  const provenance = getProvenance(resolved);
  return {
    kind: "generate",
    rowsName: "conversations",
    inputs: { seeds },
    fingerprint: { seeds: scan.digest, settings: getFingerprintInput(resolved) },
    items: readTasks(parts, provenance.fingerprint),
    itemCount: scan.count,
    getId: ({ id }) => id,
    rowSchema: ConversationRow,
    estimate,
    async open(paths) {
      const { runner, close } = await openBackend(paths);
      return {
        async run(task, stop) {
          const output = await runner.run(task, stop);
          if (output === "stopped") return output;
          const row = toConversationRow(task.id, { index: task.index, ...task.seed }, output, provenance);
          onRow(row);
          return row;
        },
        async describeFailure({ id, index, seed }) {
          return { seed: { index, ...seed }, turn: await getFailedTurn(id) };
        },
        ...(keepCheckpoints ? {} : { afterRow: (id: string) => runner.deleteThread(id) }),
        close,
      };

      /** The failure is written in any case: without it the job would fail here at every resume. */
      async function getFailedTurn(id: string): Promise<number | null> {
        try {
          return await runner.getCurrentTurn(id);
        } catch (error) {
          onWarning?.(`conversation ${id} failed, and its turn cannot be read: ${getErrorMessage(error)}`);
          return null;
        }
      }
    },
  };
}

async function* readTasks({ seeds, limit, skipInvalid }: GenerateJobParts, fingerprint: string): AsyncGenerator<ConversationTask> {
  for await (const { index, seed } of readSeeds(seeds, { limit, skipInvalid })) yield { id: conversationId(fingerprint, index, seed), index, seed };
}

function getProvenance(settings: ResolvedSettings): Provenance {
  return {
    models: {
      candidate: settings.candidate.model,
      chairman: settings.chairman.model,
      reviewers: Object.fromEntries(settings.panel.map(({ name, model }) => [name, model])),
    },
    prompts: { ...promptVersions },
    fingerprint: computeFingerprint(settings),
  };
}
