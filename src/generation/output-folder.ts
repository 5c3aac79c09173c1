import { access, constants, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import type { ConversationRow } from "../dataset/conversation-row.js";
import { ReviewInstructError } from "../errors.js";
import { type FolderLock, lockFolder } from "./folder-lock.js";
import { JsonlFile, diskError } from "./jsonl-file.js";
import { type Job, claimFolder } from "./manifest.js";
import type { Shard } from "./shard.js";

/** One line of `failures.jsonl`: a conversation that was given up. */
export const FailureRow = z.object({
  id: z.string(),
  seed: z.looseObject({ index: z.int() }),
  code: z.string(),
  message: z.string(),
  /** The turn it failed in; null where it failed before the first, or where its thread could not be read. */
  turn: z.int().nullable(),
  /** What the model said that could not be used, where that was the reason. */
  rawText: z.string().nullable(),
  attempts: z.int().nullable(),
  at: z.string(),
});
export type FailureRow = z.infer<typeof FailureRow>;

const DoneRow = z.object({ id: z.string(), seed: z.object({ index: z.int() }) });
/** How many finished threads at the end of the file may still have checkpoints after a kill. */
const recent = 1000;

/**
 * The folder of a job: `conversations.jsonl`, `failures.jsonl`, `manifest.json` and a lock, with `.<i>-of-<n>` in the names
 * of a shard's own files. Whatever was finished in it stays and is not made again.
 */
export class OutputFolder {
  /** Seed indices with a row. */
  readonly done = new Set<number>();
  /** Failed conversations by seed index, the latest failure of each. */
  readonly failed = new Map<number, FailureRow>();
  /** Ids of the rows written last before this run. */
  readonly recentIds: string[] = [];

  private constructor(
    readonly path: string,
    readonly names: ReturnType<typeof fileNames>,
    private readonly lock: FolderLock,
  ) {}

  #rows: JsonlFile | null = null;
  #failures: JsonlFile | null = null;

  /** Throws when another job or another process has the folder, or it cannot be written. */
  static async open(path: string, job: Job, seedFile: string, shard: Shard | null = null): Promise<OutputFolder> {
    const names = fileNames(path, shard);
    try {
      await mkdir(path, { recursive: true });
      await access(path, constants.W_OK);
    } catch (error) {
      throw diskError(path, error);
    }
    const lock = await lockFolder(names.lock);
    const folder = new OutputFolder(path, names, lock);
    try {
      await claimFolder(names.manifest, job, seedFile);
      await folder.#read();
      return folder;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  async #read(): Promise<void> {
    this.#rows = await JsonlFile.open(this.names.conversations, (line) => {
      const { id, seed } = DoneRow.parse(line);
      this.done.add(seed.index);
      this.recentIds.push(id);
      if (this.recentIds.length > recent) this.recentIds.shift();
    });
    this.#failures = await JsonlFile.open(this.names.failures, (line) => {
      const row = FailureRow.parse(line);
      if (!this.done.has(row.seed.index)) this.failed.set(row.seed.index, row);
    });
  }

  /** Resolves once the row is on disk, and only then counts it as done. Throws `output_lost` where another process took over. */
  async addRow(row: ConversationRow): Promise<void> {
    await this.#assertHeld();
    await this.#rows?.append(row);
    this.done.add(row.seed.index);
    this.failed.delete(row.seed.index);
  }

  /** Resolves once the row is on disk. Throws as {@link addRow} does. */
  async addFailure(row: FailureRow): Promise<void> {
    await this.#assertHeld();
    await this.#failures?.append(row);
    this.failed.set(row.seed.index, row);
  }

  /** Leaves in `failures.jsonl` what still counts as failed, and lets the folder go. */
  async close(): Promise<void> {
    try {
      await this.#rows?.close();
      await this.#failures?.close();
      // What another process took over is not ours to rewrite.
      if (this.#failures && (await this.lock.isHeld())) await this.#compactFailures();
    } finally {
      await this.lock.release();
    }
  }

  async #assertHeld(): Promise<void> {
    if (await this.lock.isHeld()) return;
    throw new ReviewInstructError(
      "output_lost",
      `the output folder is no longer this process's own: ${this.names.lock} is gone or names another. ` +
        "See to it that nothing else writes there, then run the same command again to go on.",
      { file: this.names.lock },
    );
  }

  async #compactFailures(): Promise<void> {
    const lines = [...this.failed.values()].map((row) => `${JSON.stringify(row)}\n`).join("");
    const draft = `${this.names.failures}.draft`;
    try {
      await writeFile(draft, lines);
      await rename(draft, this.names.failures);
    } catch (error) {
      throw diskError(this.names.failures, error);
    }
  }
}

function fileNames(path: string, shard: Shard | null) {
  const suffix = shard && shard.of > 1 ? `.${shard.index + 1}-of-${shard.of}` : "";
  return {
    manifest: join(path, "manifest.json"),
    conversations: join(path, `conversations${suffix}.jsonl`),
    failures: join(path, `failures${suffix}.jsonl`),
    usage: join(path, `usage${suffix}.jsonl`),
    checkpoints: join(path, `checkpoints${suffix}.sqlite`),
    lock: join(path, `.lock${suffix}`),
  };
}
