import { setTimeout as delay } from "node:timers/promises";

import { type ThreadOptions, cancelThreadRuns, getThreadState, hasPendingRun, isThreadBusy } from "./thread-requests.js";

/** Default of `stallTimeoutMs`: ten minutes. */
export const defaultStallTimeoutMs = 600_000;

/** Options of {@link waitUntilIdle} and {@link cancelAndWait}. */
export interface WaitOptions extends ThreadOptions {
  /**
   * Milliseconds without progress after which a run is cancelled.
   * @default 600000
   */
  readonly stallTimeoutMs?: number;
  /**
   * Milliseconds that a cancelled run has to stop. After that, no worker owns it any more.
   * @default 10000
   */
  readonly cancelTimeoutMs?: number;
}

/**
 * Waits for a run that continued after this client was disconnected.
 *
 * @returns False if the run stalled and could not be cancelled.
 */
export async function waitUntilIdle(options: WaitOptions): Promise<boolean> {
  const { stallTimeoutMs = defaultStallTimeoutMs, stop } = options;
  let lastCheckpointId: string | null = null;
  let lastProgressAt = Date.now();
  while (Date.now() - lastProgressAt < stallTimeoutMs) {
    if (!(await isThreadBusy(options))) return true;
    const { checkpointId } = await getThreadState(options);
    if (checkpointId !== lastCheckpointId || (await hasPendingRun(options))) {
      lastCheckpointId = checkpointId;
      lastProgressAt = Date.now();
    }
    await delay(1_000, undefined, { signal: stop.abort });
  }
  return cancelAndWait(options);
}

/**
 * Cancels the active runs of a thread.
 *
 * @returns False if the thread stays busy, i.e. no worker owns its run any more.
 */
export async function cancelAndWait(options: WaitOptions): Promise<boolean> {
  const { cancelTimeoutMs = 10_000, stop } = options;
  const deadline = Date.now() + cancelTimeoutMs;
  await cancelThreadRuns(options, cancelTimeoutMs, stop.abort);
  while (await isThreadBusy(options)) {
    if (Date.now() > deadline) return false;
    await delay(250, undefined, { signal: stop.abort });
  }
  return true;
}
