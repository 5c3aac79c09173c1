import type { StopSignals } from "../../jobs/stop-signals.js";
import { withTimeout } from "../../model-calls/attempt/with-timeout.js";
import type { ServerConnection } from "./connection.js";
import { type ThreadState, parseThreadState } from "./thread-state.js";

/** A thread on a server, and when to stop waiting for it. */
export interface ThreadOptions {
  readonly connection: ServerConnection;
  readonly threadId: string;
  readonly stop: StopSignals;
}

/** Returns the state of a thread. */
export async function getThreadState({ connection, threadId, stop }: ThreadOptions): Promise<ThreadState> {
  return parseThreadState(await connection.call((client) => client.threads.getState(threadId), stop.abort));
}

/** Returns true while the server considers a run of the thread active. */
export async function isThreadBusy({ connection, threadId, stop }: ThreadOptions): Promise<boolean> {
  const thread = await connection.call((client) => client.threads.get(threadId), stop.abort);
  return thread.status === "busy";
}

/** Returns true if a run of the thread waits for a free worker. */
export async function hasPendingRun({ connection, threadId, stop }: ThreadOptions): Promise<boolean> {
  const runs = await connection.call((client) => client.runs.list(threadId, { status: "pending" }), stop.abort);
  return runs.length > 0;
}

/**
 * Cancels the pending and running runs of a thread, which aborts their model calls.
 *
 * Never throws: the status of the thread shows whether it worked. Has a time limit, since some servers respond only after the
 * run has ended.
 */
export async function cancelThreadRuns(
  { connection, threadId }: Pick<ThreadOptions, "connection" | "threadId">,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const { runs } = connection.client;
  const cancelRuns = async (timeoutSignal: AbortSignal) => {
    const allRuns = await runs.list(threadId, { signal: timeoutSignal });
    const activeRuns = allRuns.filter(({ status }) => status === "pending" || status === "running");
    await Promise.all(activeRuns.map(({ run_id }) => runs.cancel(threadId, run_id, false, "interrupt", { signal: timeoutSignal })));
  };
  await withTimeout(timeoutMs, signal, cancelRuns).catch(() => undefined);
}
