import { access, constants, mkdir, rename, writeFile } from "node:fs/promises";

import { z } from "zod";

import { ReviewInstructError } from "../errors.js";
import { type FolderLock, acquireLock } from "./folder-lock.js";
import type { JobDefinition } from "./job-definition.js";
import { JsonlFile, toWriteError } from "./jsonl-file.js";
import { ensureManifest } from "./manifest.js";
import { type OutputPaths, getOutputPaths } from "./output-paths.js";
import type { Shard } from "./shard.js";

/** One line of `failures.jsonl`: an item that was given up, with whatever its job adds. */
export const FailureRow = z.looseObject({
  id: z.string(),
  code: z.string(),
  message: z.string(),
  /** The unusable response, if that was the reason. */
  rawText: z.string().nullable(),
  attempts: z.int().nullable(),
  at: z.string(),
});
export type FailureRow = z.infer<typeof FailureRow>;

const RowWithId = z.object({ id: z.string() });
/** Number of rows at the end of the file whose items may still need cleaning up after a kill. */
const maxLastCompleted = 1000;

/** Options of {@link OutputFolder.open}. */
export interface OutputFolderOptions {
  readonly output: string;
  readonly toolVersion: string;
  readonly shard?: Shard | null;
}

/** The folder of a job: rows, failures, manifest and lock. A row in it is never made again. */
export class OutputFolder<Row extends { readonly id: string }> {
  readonly completedIds = new Set<string>();
  /** The latest failure of each item without a row, by id. */
  readonly failures = new Map<string, FailureRow>();
  /** Ids of the rows written last before this run. */
  readonly lastCompletedIds: string[] = [];
  #rows: JsonlFile | null = null;
  #failureFile: JsonlFile | null = null;

  private constructor(
    readonly paths: OutputPaths,
    private readonly lock: FolderLock,
  ) {}

  /** Opens or creates the folder. Throws if another job or process has it, or if it cannot be written. */
  static async open<Row extends { readonly id: string }>(
    job: Pick<JobDefinition<never, Row>, "kind" | "rowsName" | "fingerprint" | "inputs" | "acceptsEarlier">,
    { output, toolVersion, shard = null }: OutputFolderOptions,
  ): Promise<OutputFolder<Row>> {
    const paths = getOutputPaths(output, job.rowsName, shard);
    try {
      await mkdir(output, { recursive: true });
      await access(output, constants.W_OK);
    } catch (error) {
      throw toWriteError(output, error);
    }
    const folder = new OutputFolder<Row>(paths, await acquireLock(paths.lock));
    try {
      await ensureManifest(paths.manifest, job, { toolVersion, shards: shard?.of ?? 1 });
      await folder.#read();
      return folder;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  async #read(): Promise<void> {
    this.#rows = await JsonlFile.open(this.paths.rows, (line) => {
      const { id } = RowWithId.parse(line);
      this.completedIds.add(id);
      this.lastCompletedIds.push(id);
      if (this.lastCompletedIds.length > maxLastCompleted) this.lastCompletedIds.shift();
    });
    this.#failureFile = await JsonlFile.open(this.paths.failures, (line) => {
      const row = FailureRow.parse(line);
      if (!this.completedIds.has(row.id)) this.failures.set(row.id, row);
    });
  }

  /** Resolves once the row is on disk. Throws `output_lock_lost` if another process took the folder over. */
  async addRow(row: Row): Promise<void> {
    await this.#assertLocked();
    await this.#rows?.append(row);
    this.completedIds.add(row.id);
    this.failures.delete(row.id);
  }

  /** Resolves once the failure is on disk. Throws as {@link addRow} does. */
  async addFailure(row: FailureRow): Promise<void> {
    await this.#assertLocked();
    await this.#failureFile?.append(row);
    this.failures.set(row.id, row);
  }

  /** Removes failures that have a row by now from their file, and releases the folder. */
  async close(): Promise<void> {
    try {
      await this.#rows?.close();
      await this.#failureFile?.close();
      // Files that another process took over are not rewritten.
      if (this.#failureFile && (await this.lock.isHeld())) await this.#compactFailures();
    } finally {
      await this.lock.release();
    }
  }

  async #assertLocked(): Promise<void> {
    if (await this.lock.isHeld()) return;
    throw new ReviewInstructError(
      "output_lock_lost",
      `this process no longer holds the output folder: ${this.paths.lock} is gone or names another. ` +
        "Make sure that nothing else writes there, then run the same command again to continue.",
      { file: this.paths.lock },
    );
  }

  async #compactFailures(): Promise<void> {
    const lines = [...this.failures.values()].map((row) => `${JSON.stringify(row)}\n`).join("");
    const tempPath = `${this.paths.failures}.draft`;
    try {
      await writeFile(tempPath, lines);
      await rename(tempPath, this.paths.failures);
    } catch (error) {
      throw toWriteError(this.paths.failures, error);
    }
  }
}
