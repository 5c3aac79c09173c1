import { setMaxListeners } from "node:events";

import PQueue from "p-queue";
import { z } from "zod";

import { ReviewInstructError, getErrorMessage } from "../errors.js";
import type { JobDefinition, JobRunner } from "./job-definition.js";
import { stopsJob } from "./job-stopping-errors.js";
import type { FailureRow, OutputFolder } from "./output-folder.js";
import type { FailureKind, JobProgress, JobResult } from "./progress.js";
import { type Shard, isInShard } from "./shard.js";
import type { StopSignals } from "./stop-signals.js";

/** Options of {@link runItems}. */
export interface RunItemsOptions {
  /**
   * Number of items in progress at once.
   * @default 32
   */
  readonly concurrency?: number;
  readonly shard?: Shard | null;
  /**
   * Whether to run items again that failed in an earlier run.
   * @default false
   */
  readonly retryFailed?: boolean;
  readonly stop?: StopSignals;
  readonly onProgress?: (progress: JobProgress) => void;
  /** Called with problems that cost no row, e.g. checkpoints that could not be deleted. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Runs every item that has no row yet, with bounded concurrency.
 *
 * Items with a row are skipped, an item that fails becomes a failure row, and an error that every other item would meet stops
 * the job. Whatever is in progress settles before this returns or throws.
 */
export async function runItems<Item, Row extends { readonly id: string }>(
  job: Pick<JobDefinition<Item, Row>, "items" | "getId" | "rowSchema" | "stopWhen">,
  runner: JobRunner<Item, Row>,
  folder: OutputFolder<Row>,
  options: RunItemsOptions,
): Promise<JobResult> {
  const { shard = null, retryFailed = false, concurrency = 32 } = options;
  const counts = { finished: 0, resumed: 0, failed: 0, active: 0 };
  const failureKinds = new Map<string, FailureKind>();
  const stopping = relayStop(options.stop);
  let stopped: JobResult["stopped"] = null;
  const report = () => options.onProgress?.({ ...counts });
  const stopJob = (reason: NonNullable<JobResult["stopped"]>) => {
    stopped ??= reason;
    stopping.request();
  };

  const afterRow = async (id: string) => {
    try {
      await runner.afterRow?.(id);
    } catch (error) {
      // The row is on disk, so this must not turn it into a failure.
      if (stopsJob(error)) throw error;
      options.onWarning?.(`${id} is finished, but could not be cleaned up: ${getErrorMessage(error)} The next run tries again.`);
    }
  };

  const runItem = async (item: Item, id: string) => {
    if (stopping.signals.gracefulStop.aborted) return;
    counts.active += 1;
    report();
    try {
      const row = await runner.run(item, stopping.signals);
      if (row === "stopped") return;
      await folder.addRow(validateRow(job.rowSchema, row));
      counts.finished += 1;
      if (job.stopWhen?.() === true) stopJob("target_reached");
      await afterRow(id);
    } catch (error) {
      if (stopsJob(error)) throw error;
      const failure = toFailureRow(id, error);
      await folder.addFailure({ ...failure, ...(await runner.describeFailure?.(item, error)) });
      counts.failed += 1;
      const { code, message } = failure;
      const kind = failureKinds.get(code) ?? { code, count: 0, message };
      failureKinds.set(code, { ...kind, count: kind.count + 1 });
    } finally {
      counts.active -= 1;
      report();
    }
  };

  for (const id of folder.lastCompletedIds) await afterRow(id);
  const queue = new PQueue({ concurrency });
  const enqueue = (item: Item, id: string) =>
    queue.add(() => runItem(item, id)).catch((error: unknown) => stopJob(error instanceof Error ? error : new Error(String(error))));
  let position = -1;
  try {
    for await (const item of job.items) {
      position += 1;
      if (stopping.signals.gracefulStop.aborted) break;
      if (!isInShard(position, shard)) continue;
      const id = job.getId(item);
      if (folder.completedIds.has(id)) counts.resumed += 1;
      else if (folder.failures.has(id) && !retryFailed) counts.failed += 1;
      else {
        void enqueue(item, id);
        await queue.onSizeLessThan(1);
      }
    }
  } catch (error) {
    // The input changed or cannot be read: items in progress still settle before the folder is released.
    stopping.request();
    throw error;
  } finally {
    await queue.onIdle();
  }
  report();
  const byCount = [...failureKinds.values()].sort((a, b) => b.count - a.count);
  return { ...counts, failureKinds: byCount, stopped: stopped ?? (stopping.signals.gracefulStop.aborted ? "interrupted" : null) };
}

/** Combines the caller's signals with the job's own wish to stop. */
function relayStop(stop: StopSignals | undefined): { readonly signals: StopSignals; request(): void } {
  const controller = new AbortController();
  const signals = { gracefulStop: controller.signal, abort: stop?.abort ?? new AbortController().signal };
  // Every item in progress listens.
  setMaxListeners(Infinity, signals.gracefulStop, signals.abort);
  for (const signal of stop ? [stop.gracefulStop, stop.abort] : []) {
    if (signal.aborted) controller.abort();
    signal.addEventListener("abort", () => controller.abort(), { once: true });
  }
  return { signals, request: () => controller.abort() };
}

/** Nothing that readers of the file would reject is written. */
function validateRow<Row>(schema: z.ZodType<Row>, row: Row): Row {
  const parsed = schema.safeParse(row);
  if (parsed.success) return row;
  throw new ReviewInstructError(
    "row_invalid",
    `the row does not have the shape of its file:\n${z.prettifyError(parsed.error)}`,
    {},
    { cause: parsed.error },
  );
}

function toFailureRow(id: string, error: unknown): FailureRow {
  const known = error instanceof ReviewInstructError ? error : null;
  const { attempts, rawText }: Record<string, unknown> = known?.details ?? {};
  return {
    id,
    code: known?.code ?? "unexpected",
    message: getErrorMessage(error),
    rawText: typeof rawText === "string" ? rawText : null,
    attempts: typeof attempts === "number" ? attempts : null,
    at: new Date().toISOString(),
  };
}
