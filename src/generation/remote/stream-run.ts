import type { ReviewInstructError } from "../../errors.js";
import { getRecursionLimit } from "../../graph/review-instruct.js";
import { unwrapAggregateError } from "../../jobs/job-stopping-errors.js";
import { resolveSettings } from "../../state/resolve-settings.js";
import { getHttpStatus, isOutage } from "./connection.js";
import { type RunLabelsInput, getRunLabels } from "./run-labels.js";
import { hasPendingRun } from "./thread-requests.js";
import { parseErrorEvent, toServerError } from "./thread-state.js";
import { type WaitOptions, defaultStallTimeoutMs } from "./wait-for-thread.js";

/** Options of {@link streamRun}. */
export interface StreamRunOptions extends WaitOptions, RunLabelsInput {}

/** How the stream of a run ended. `finished` does not mean success: check the state of the thread. */
export type RunOutcome = "finished" | "busy" | "disconnected" | "stalled";

/**
 * Starts a run on a thread and follows it to its end.
 *
 * @param isResuming Whether the run continues the thread's conversation instead of starting it from the seed.
 * @throws The error that the run failed with, or the reason of an abort.
 */
export async function streamRun(options: StreamRunOptions, isResuming: boolean): Promise<RunOutcome> {
  const { connection, settings, task, threadId, stop } = options;
  let isStalled = false;
  // Not AbortSignal.any: Node 20 can collect a signal that only a request refers to, which then never fires.
  const streamAbort = new AbortController();
  const onAbort = () => streamAbort.abort(stop.abort.reason);
  const stallTimer = startStallTimer(options, () => {
    isStalled = true;
    streamAbort.abort();
  });
  const reportedErrors: ReviewInstructError[] = [];
  try {
    stop.abort.throwIfAborted();
    stop.abort.addEventListener("abort", onAbort, { once: true });
    const { config, metadata } = getRunLabels(options);
    const events = connection.client.runs.stream(threadId, connection.assistant.assistant_id, {
      input: isResuming ? null : { ...task.seed },
      context: settings,
      config: { recursion_limit: getRecursionLimit(resolveSettings(settings).turns), ...config },
      metadata,
      streamMode: ["custom"],
      multitaskStrategy: "reject",
      onDisconnect: "continue",
      signal: streamAbort.signal,
    });
    for await (const { event, data } of events) {
      stallTimer.refresh();
      if (event === "custom") reportedErrors.push(...parseErrorEvent(data));
      else if (event === "error") throw reportedErrors.length > 0 ? unwrapAggregateError(new AggregateError(reportedErrors)) : toServerError(data);
    }
  } catch (error) {
    stop.abort.throwIfAborted();
    if (!isStalled) return toRunOutcome(error);
  } finally {
    stop.abort.removeEventListener("abort", onAbort);
    stallTimer.stop();
  }
  stop.abort.throwIfAborted();
  return isStalled ? "stalled" : "finished";
}

/** Converts errors of the connection to an outcome, and throws all others. */
function toRunOutcome(error: unknown): RunOutcome {
  const status = getHttpStatus(error);
  if (status === 409 || status === 422) return "busy";
  if (isOutage(error)) return "disconnected";
  throw error;
}

/** Calls `onStall` after a time without events. The time that a run waits for a free worker does not count. */
function startStallTimer(options: StreamRunOptions, onStall: () => void): { refresh(): void; stop(): void } {
  let isStopped = false;
  const check = async () => {
    const isPending = await hasPendingRun(options).catch(() => false);
    if (isStopped) return;
    if (isPending) timer.refresh();
    else onStall();
  };
  const timer = setTimeout(() => void check(), options.stallTimeoutMs ?? defaultStallTimeoutMs);
  return {
    refresh: () => timer.refresh(),
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
