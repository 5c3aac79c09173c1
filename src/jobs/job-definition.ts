import type { z } from "zod";

import type { JobEstimate } from "./job-estimate.js";
import type { OutputPaths } from "./output-paths.js";
import type { StopSignals } from "./stop-signals.js";

/** What decides the rows of a job. Two runs with equal fingerprints may share an output folder. */
export type Fingerprint = Readonly<Record<string, unknown>>;

/** The part of a job that needs its output folder: models, checkpoints, connections. */
export interface JobRunner<Item, Row> {
  /**
   * Makes the row of one item, or takes it up where an earlier run stopped.
   *
   * @returns `stopped` if told to stop first. An error becomes a failure row, unless it stops the whole job.
   */
  run(item: Item, stop: StopSignals): Promise<Row | "stopped">;
  /** Adds fields to the failure row of an item, e.g. where it failed. Must not throw. */
  describeFailure?(item: Item, error: unknown): Promise<object>;
  /**
   * Called with the id of a row once it is on disk, e.g. to delete its checkpoints. Also called at the start for the newest
   * rows of earlier runs, since a kill may have come in between.
   */
  afterRow?(id: string): Promise<void>;
  /** Releases everything. Called once, before the folder is released. */
  close?(): void | Promise<void>;
}

/**
 * A resumable job: each item becomes one row, exactly once, over any number of runs and kills.
 *
 * @example
 * ```ts
 * const job: JobDefinition<Question, Judgement> = {
 *   kind: "judge",
 *   rowsName: "judgements",
 *   fingerprint: { judge: model, prompt: "judge/1" },
 *   items: readQuestions(file),
 *   getId: (question) => question.id,
 *   rowSchema: Judgement,
 *   open: () => ({ run: (question) => judge(question) }),
 * };
 * await runJob(job, { output: "judged", toolVersion });
 * ```
 */
export interface JobDefinition<Item, Row extends { readonly id: string }> {
  /** Kind of job, e.g. `generate`. A folder belongs to one kind. */
  readonly kind: string;
  /** Name of the file of rows, without `.jsonl`. */
  readonly rowsName: string;
  /** Written to `manifest.json`. A folder with another fingerprint is refused with the difference. */
  readonly fingerprint: Fingerprint;
  /** Read only as fast as rows are made, always in the same order. */
  readonly items: AsyncIterable<Item>;
  /** Number of items of this process, if known. */
  readonly itemCount?: number;
  /** Returns the id of an item's row. Deterministic: a resume finds the same row. */
  readonly getId: (item: Item) => string;
  readonly rowSchema: z.ZodType<Row>;
  /** Facts for the manifest that need not stay the same, e.g. a file name. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /**
   * Decides whether a folder with another fingerprint may be continued, e.g. since items were appended to its input.
   * Default: never.
   */
  readonly acceptsEarlier?: (earlier: Fingerprint) => boolean | Promise<boolean>;
  /** Stops the job once it returns true, e.g. when enough rows were accepted. Called after each row. */
  readonly stopWhen?: () => boolean;
  /** Returns what the job will take, for a dry run. */
  readonly estimate?: () => JobEstimate | Promise<JobEstimate>;
  /** Opens what runs the items, once the folder is locked by this process. */
  readonly open: (paths: OutputPaths) => JobRunner<Item, Row> | Promise<JobRunner<Item, Row>>;
}
