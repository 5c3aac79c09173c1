import { openCheckpointer } from "../checkpoints/open-checkpointer.js";
import type { RowOrigin } from "../dataset/conversation-row.js";
import { readSeeds } from "../dataset/seeds.js";
import { InputError } from "../errors.js";
import { createReviewInstructGraph } from "../graph/review-instruct.js";
import type { ModelAccess } from "../nodes/model-access.js";
import { promptVersions } from "../prompts/versions.js";
import { type Settings, seatedPanel } from "../state/settings.js";
import type { Tracing } from "../tracing/open-tracing.js";
import { type Conversation, type ConversationRunner, type Stop, localRunner } from "./conversation.js";
import { identityOf, settingsFingerprint } from "./fingerprint.js";
import { type GenerateResult, type Progress, generate } from "./generate.js";
import { OutputFolder } from "./output-folder.js";
import { seedName } from "./seed-name.js";
import { type SeedScan, scanSeeds } from "./seed-scan.js";
import type { Shard } from "./shard.js";

/** A job as {@link runJob} takes it. */
export interface JobOptions {
  /** A JSON array or JSONL file of seeds. */
  readonly seeds: string;
  /** The output folder. It is made where it does not exist, and continued where it does. */
  readonly output: string;
  readonly settings: Settings;
  /** Use at most this many seeds, from the first. Default: all. */
  readonly limit?: number;
  /** Pass over bad rows instead of refusing the file. Default false. */
  readonly skipInvalid?: boolean;
  /** `memory`, `sqlite:<file>` or `postgres://...`. Default: an SQLite file in the output folder. */
  readonly checkpoint?: string;
  /** Conversations under way at once. Default 32. */
  readonly concurrency?: number;
  readonly keepCheckpoints?: boolean;
  readonly retryFailed?: boolean;
  readonly shard?: Shard | null;
  readonly stop?: Stop;
  /** Where the runs of this process are traced to. Default: nowhere but what LangChain does by itself. */
  readonly tracing?: Pick<Tracing, "configFor">;
  readonly onScan?: (scan: SeedScan) => void;
  readonly onProgress?: (progress: Progress) => void;
  /** Told of trouble that costs no conversation. Default: nobody is. */
  readonly onWarning?: (message: string) => void;
}

/** What came of a job. */
export interface JobResult extends GenerateResult {
  /** Valid seeds of this process: all, or its shard's. */
  readonly total: number;
  readonly conversations: string;
  readonly failures: string;
}

/**
 * A whole job: seeds in, an output folder out, resumed where one was begun. `openMaker` is called once the folder is this
 * process's own, and opens what makes the conversations: models for this process, or a runner that works elsewhere.
 */
export async function runJob(options: JobOptions, openMaker: (files: OutputFolder["names"]) => Maker | Promise<Maker>): Promise<JobResult> {
  const { settings, seeds, shard = null, concurrency = 32 } = options;
  if (settings.humanReview)
    throw new InputError("`humanReview` needs a person at every turn: leave it out of a job, or use Studio or `run`", { field: "humanReview" });
  const scan = await scanSeeds(seeds, options);
  options.onScan?.(scan);
  const folder = await OutputFolder.open(
    options.output,
    { seeds: scan.digest, settings: identityOf(settings), shards: shard?.of ?? 1 },
    seeds,
    shard,
  );
  try {
    const maker = await openMaker(folder.names);
    try {
      const { runner, close } =
        "runner" in maker ? { runner: maker.runner, close: async () => {} } : await openLocalRunner(maker, options, folder.names);
      try {
        const { lastIndex, count: total } = scan;
        const result = await generate({
          ...options,
          seeds: readSeeds(seeds, options),
          lastIndex,
          runner,
          folder,
          origin: originOf(settings),
          concurrency,
        });
        return { ...result, total, conversations: folder.names.conversations, failures: folder.names.failures };
      } finally {
        await close();
      }
    } finally {
      await maker.close();
    }
  } finally {
    await folder.close();
  }
}

export interface OpenModels {
  readonly models: ModelAccess;
  close(): void | Promise<void>;
}

export interface OpenRunner {
  readonly runner: ConversationRunner;
  close(): void | Promise<void>;
}

/** What makes a job's conversations. */
export type Maker = OpenModels | OpenRunner;

async function openLocalRunner({ models }: OpenModels, { checkpoint, settings, tracing }: JobOptions, files: OutputFolder["names"]) {
  const { saver, close } = await openCheckpointer(checkpoint ?? `sqlite:${files.checkpoints}`);
  const graph = createReviewInstructGraph({ models, checkpointer: saver });
  const fingerprint = settingsFingerprint(settings);
  const configFor = ({ id, index, seed }: Conversation) =>
    tracing?.configFor({ id, seedName: seedName(seed), seedIndex: index, settings, fingerprint }) ?? {};
  return { runner: localRunner({ graph, saver, settings, configFor }), close };
}

function originOf(settings: Settings): RowOrigin {
  const model = (own: { model?: string }) => own.model ?? settings.model;
  return {
    models: {
      candidate: model(settings.candidate),
      chairman: model(settings.chairman),
      reviewers: Object.fromEntries(seatedPanel(settings).map((reviewer) => [reviewer.name, model(reviewer)])),
    },
    prompts: { ...promptVersions },
    fingerprint: settingsFingerprint(settings),
  };
}
