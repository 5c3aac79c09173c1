import type { JobDefinition } from "./job-definition.js";
import { OutputFolder } from "./output-folder.js";
import type { JobResult } from "./progress.js";
import { type RunItemsOptions, runItems } from "./run-items.js";

/** Options of {@link runJob}. */
export interface RunJobOptions extends RunItemsOptions {
  /** The output folder: created, or continued if it belongs to this job. */
  readonly output: string;
  /** Version of this tool, recorded in the manifest. */
  readonly toolVersion: string;
}

/** Result of {@link runJob}. */
export interface RunJobResult extends JobResult {
  /** File of rows. */
  readonly rows: string;
  /** File of failures. */
  readonly failures: string;
}

/**
 * Runs a job, resuming it if the output folder already exists.
 *
 * @throws {ReviewInstructError} `output_locked` if another process has the folder, `manifest_mismatch` if it belongs to another
 * job, `manifest_incompatible` if another version wrote it. What stops the job later is in the result.
 */
export async function runJob<Item, Row extends { readonly id: string }>(
  job: JobDefinition<Item, Row>,
  options: RunJobOptions,
): Promise<RunJobResult> {
  const folder = await OutputFolder.open(job, options);
  try {
    const runner = await job.open(folder.paths);
    try {
      const result = await runItems(job, runner, folder, options);
      return { ...result, rows: folder.paths.rows, failures: folder.paths.failures };
    } finally {
      await runner.close?.();
    }
  } finally {
    await folder.close();
  }
}
