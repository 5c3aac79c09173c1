import { setMaxListeners } from "node:events";

import PQueue from "p-queue";

import { type RowOrigin, toRow } from "../dataset/conversation-row.js";
import type { Seed } from "../dataset/seed.js";
import { ReviewInstructError } from "../errors.js";
import type { ConversationOutput } from "../state/conversation.js";
import type { Conversation, ConversationRunner, Stop } from "./conversation.js";
import { conversationId } from "./fingerprint.js";
import type { FailureRow, OutputFolder } from "./output-folder.js";
import { isFatal } from "./fatal.js";
import { type Shard, isInShard } from "./shard.js";

export interface GenerateOptions {
  /** Valid seeds with their place in the file; read only as fast as conversations finish. */
  readonly seeds: AsyncIterable<{ readonly index: number; readonly seed: Seed }>;
  /** Place of the last of these seeds in the file: what the folder holds beyond it is no part of this run. Default: nothing is. */
  readonly lastIndex?: number;
  readonly runner: ConversationRunner;
  readonly folder: OutputFolder;
  readonly origin: RowOrigin;
  /** Conversations under way at once. */
  readonly concurrency: number;
  readonly shard?: Shard | null;
  /** Try conversations again that failed in an earlier run. Default false. */
  readonly retryFailed?: boolean;
  /** Keep the threads of finished conversations. Default false. */
  readonly keepCheckpoints?: boolean;
  /** `drain` stops at the next superstep, `abort` at once; both leave everything resumable. */
  readonly stop?: Stop;
  readonly onProgress?: (progress: Progress) => void;
  /** Told of trouble that costs no conversation: a finished one's thread that stays, a turn that cannot be told. */
  readonly onWarning?: (message: string) => void;
}

/** Where a job stands. Counts of conversations, but for `turns` and `abstentions`, which are those of the conversations that this run finished. */
export interface Progress {
  readonly finished: number;
  /** Finished by earlier runs, of the seeds of this one. */
  readonly found: number;
  readonly failed: number;
  readonly active: number;
  readonly endedEarly: number;
  readonly turns: number;
  /** How often each reviewer gave no review; those who always did are left out. */
  readonly abstentions: Readonly<Record<string, number>>;
}

export interface GenerateResult extends Progress {
  /** Why the job stopped before its last seed; null where every seed was seen to. */
  readonly stopped: Error | "asked" | null;
}

/**
 * Makes every seed a conversation, each exactly once over any number of runs and kills: finished ones are skipped, unfinished
 * ones go on from their last checkpoint, a conversation that fails for good becomes a failure row. What would fail every
 * conversation (budget, endpoint, disk, database, key, credit) stops the job instead, resumably.
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const { seeds, runner, folder, origin, shard = null, lastIndex = Infinity, retryFailed = false, keepCheckpoints = false } = options;
  const drain = new AbortController();
  for (const asked of options.stop ? [options.stop.drain, options.stop.abort] : []) {
    if (asked.aborted) drain.abort();
    asked.addEventListener("abort", () => drain.abort(), { once: true });
  }
  const stop: Stop = { drain: drain.signal, abort: options.stop?.abort ?? new AbortController().signal };
  setMaxListeners(Infinity, stop.drain, stop.abort);
  const counts = { finished: 0, found: [...folder.done].filter((index) => index <= lastIndex).length, failed: 0, active: 0, endedEarly: 0, turns: 0 };
  const abstentions = new Map<string, number>();
  const progress = (): Progress => ({ ...counts, abstentions: Object.fromEntries(abstentions) });
  let fatal: Error | null = null;
  const report = () => options.onProgress?.(progress());
  const warn = (message: string) => options.onWarning?.(message);

  /** Its row is on disk: trouble with its thread must not make it a failure. */
  const forget = async (id: string) => {
    try {
      await runner.forget(id);
    } catch (error) {
      if (isFatal(error)) throw error;
      warn(`conversation ${id} is finished, but its thread could not be deleted: ${messageOf(error)} The next run tries again.`);
    }
  };
  // A kill may have come between a row and the end of its thread.
  if (!keepCheckpoints) for (const id of folder.recentIds) await forget(id);

  const finish = async (conversation: Conversation, output: ConversationOutput) => {
    const { id, index, seed } = conversation;
    await folder.addRow(toRow(id, { index, ...seed }, output, origin));
    counts.finished += 1;
    counts.turns += output.turns.length;
    if (output.endedEarly) counts.endedEarly += 1;
    for (const { reviewer } of output.turns.flatMap((turn) => turn.abstentions)) abstentions.set(reviewer, (abstentions.get(reviewer) ?? 0) + 1);
    if (!keepCheckpoints) await forget(id);
  };

  /** The failure is written in any case: without it the job would come to grief here at every resume. */
  const turnOf = async (id: string) => {
    try {
      return await runner.turnOf(id);
    } catch (error) {
      warn(`conversation ${id} failed, and its turn cannot be told: ${messageOf(error)}`);
      return null;
    }
  };

  const one = async (conversation: Conversation) => {
    counts.active += 1;
    report();
    try {
      const output = await runner.run(conversation, stop);
      if (output !== "drained") await finish(conversation, output);
    } catch (error) {
      if (isFatal(error)) throw error;
      await folder.addFailure(failureOf(conversation, error, await turnOf(conversation.id)));
      counts.failed += 1;
    } finally {
      counts.active -= 1;
      report();
    }
  };

  const queue = new PQueue({ concurrency: options.concurrency });
  const give = (conversation: Conversation) =>
    queue
      .add(() => one(conversation))
      .catch((error: unknown) => {
        fatal ??= error instanceof Error ? error : new Error(String(error));
        drain.abort();
      });
  try {
    for await (const { index, seed } of seeds) {
      if (stop.drain.aborted) break;
      if (!isInShard(index, shard)) continue;
      if (folder.done.has(index)) continue;
      if (folder.failed.has(index) && !retryFailed) {
        counts.failed += 1;
        continue;
      }
      void give({ id: conversationId(origin.fingerprint, index, seed), index, seed });
      await queue.onSizeLessThan(1);
    }
  } catch (error) {
    // The seed file changed under us: what is under way still comes to rest before the folder is let go.
    drain.abort();
    throw error;
  } finally {
    await queue.onIdle();
  }
  report();
  return { ...progress(), stopped: fatal ?? (stop.drain.aborted ? "asked" : null) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failureOf({ id, index, seed }: Conversation, error: unknown, turn: number | null): FailureRow {
  const known = error instanceof ReviewInstructError ? error : null;
  const { attempts, rawText }: Record<string, unknown> = known?.facts ?? {};
  return {
    id,
    seed: { index, ...seed },
    code: known?.code ?? "unexpected",
    message: messageOf(error),
    turn,
    rawText: typeof rawText === "string" ? rawText : null,
    attempts: typeof attempts === "number" ? attempts : null,
    at: new Date().toISOString(),
  };
}
