import { ConversationRow, type Provenance, toConversationRow, toRowSeed } from "../dataset/conversation-row.js";
import { readSeeds } from "../dataset/seeds/read-seeds.js";
import { InputError, getErrorMessage } from "../errors.js";
import type { JobDefinition } from "../jobs/job-definition.js";
import type { JobEstimate } from "../jobs/job-estimate.js";
import type { OutputPaths } from "../jobs/output-paths.js";
import type { JobProgress } from "../jobs/progress.js";
import { type RunJobOptions, type RunJobResult, runJob } from "../jobs/run-job.js";
import type { PriceTable } from "../model-calls/budget/prices.js";
import { promptVersions } from "../prompts/versions.js";
import { type ResolvedSettings, resolveSettings } from "../state/resolve-settings.js";
import type { Settings } from "../state/settings.js";
import type { ConversationBackend, ConversationTask } from "./conversation-runner.js";
import { type ConversationStats, createStatsCounter } from "./conversation-stats.js";
import { estimateConversations } from "./estimate-cost.js";
import { computeConversationId, computeFingerprint, getFingerprintInput } from "./fingerprint.js";
import { type SeedScan, scanSeeds } from "./scan-seeds.js";

/** Options of {@link runGenerateJob}. */
export interface GenerateJobOptions extends Omit<RunJobOptions, "onProgress"> {
  /** Path of a JSON array or JSONL file of seeds. */
  readonly seeds: string;
  readonly settings: Settings;
  /** Maximum number of seeds to use, from the start of the file. Default: all. */
  readonly limit?: number;
  /**
   * Whether to skip invalid rows instead of throwing.
   * @default false
   */
  readonly skipInvalid?: boolean;
  /**
   * Whether to keep the threads of finished conversations.
   * @default false
   */
  readonly keepCheckpoints?: boolean;
  /** Prices for the estimate. Default: none. */
  readonly prices?: PriceTable;
  /** Opens the backend. Called after the output folder is locked. */
  readonly openBackend: (paths: OutputPaths) => ConversationBackend | Promise<ConversationBackend>;
  /** Called after the first pass over the seed file. */
  readonly onScan?: (scan: SeedScan) => void;
  readonly onProgress?: (progress: GenerateProgress) => void;
}

/** Progress in conversations, with statistics of those that this run finished. */
export interface GenerateProgress extends JobProgress, ConversationStats {}

/** Result of {@link runGenerateJob}. */
export interface GenerateJobResult extends RunJobResult, ConversationStats {
  /** Number of valid seeds of this process: all, or those of its shard. */
  readonly total: number;
}

/**
 * Runs a generation job, resuming it if the output folder already exists: every seed becomes a conversation.
 *
 * @throws {InputError} For an invalid seed file (see `skipInvalid`), and if `humanReview` is set.
 */
export async function runGenerateJob(options: GenerateJobOptions): Promise<GenerateJobResult> {
  const { job, scan, stats } = await prepareGenerateJob(options);
  const { onProgress } = options;
  const result = await runJob(job, { ...options, onProgress: (progress) => onProgress?.({ ...progress, ...stats.get() }) });
  return { ...result, ...stats.get(), total: scan.count };
}

/** Estimates a generation job without calling a model or writing anything. */
export async function estimateGenerateJob(options: Omit<GenerateJobOptions, "openBackend" | "output" | "toolVersion">): Promise<JobEstimate> {
  const openBackend = () => Promise.reject(new Error("an estimate opens no backend"));
  const { estimate } = await prepareGenerateJob({ ...options, output: "", toolVersion: "", openBackend });
  return estimate();
}

async function prepareGenerateJob(options: GenerateJobOptions) {
  const { settings } = options;
  if (settings.humanReview)
    throw new InputError("`humanReview` needs a person at every turn: turn it off for a job, or use Studio or the `run` command", {
      field: "humanReview",
    });
  const resolved = resolveSettings(settings);
  const scan = await scanSeeds(options.seeds, options);
  options.onScan?.(scan);
  const stats = createStatsCounter();
  const estimate = () => estimateConversations(resolved, scan, options.prices ?? {});
  return { job: createGenerateJob({ ...options, resolved, scan, estimate, onRow: (row) => stats.add(row) }), scan, stats, estimate };
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
      const backend = await openBackend(paths);
      const { runner } = backend;
      /** Rows that are not on disk yet. */
      const unwrittenRows = new Map<string, ConversationRow>();
      return {
        async run(task, stop) {
          const output = await runner.run(task, stop);
          if (output === "stopped") return output;
          const row = toConversationRow(task.id, task.index, task.seed, output, provenance);
          unwrittenRows.set(task.id, row);
          return row;
        },
        async describeFailure({ id, index, seed }) {
          unwrittenRows.delete(id);
          return { seed: toRowSeed(index, seed), turn: await getFailedTurn(id) };
        },
        async afterRow(id) {
          const row = unwrittenRows.get(id);
          if (row) onRow(row);
          unwrittenRows.delete(id);
          if (!keepCheckpoints) await runner.deleteThread(id);
        },
        close: () => backend.close(),
      };

      /** Never throws: without its failure row, the conversation would stop every resume at this point. */
      async function getFailedTurn(id: string): Promise<number | null> {
        try {
          return await runner.getCurrentTurn(id);
        } catch (error) {
          onWarning?.(`conversation ${id} failed, and its turn could not be read: ${getErrorMessage(error)}`);
          return null;
        }
      }
    },
  };
}

async function* readTasks({ seeds, limit, skipInvalid }: GenerateJobParts, fingerprint: string): AsyncGenerator<ConversationTask> {
  for await (const { index, seed } of readSeeds(seeds, { limit, skipInvalid }))
    yield { id: computeConversationId(fingerprint, index, seed), index, seed };
}

function getProvenance(settings: ResolvedSettings): Provenance {
  return {
    models: {
      candidate: settings.candidate.model,
      chairman: settings.chairman.model,
      reviewers: settings.panel.map(({ name, model }) => ({ reviewer: name, model })),
    },
    prompts: { ...promptVersions },
    fingerprint: computeFingerprint(settings),
  };
}
