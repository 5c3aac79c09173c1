import { setMaxListeners } from "node:events";

import type { StopSignals } from "../jobs/stop-signals.js";
import type { Logger } from "../logger.js";

/**
 * Listens to SIGINT and SIGTERM: the first stops at the next superstep, the second at once. Both leave everything resumable.
 */
export function stopOnSignals(logger: Logger): { readonly stop: StopSignals; restore(): void } {
  const gracefulStop = new AbortController();
  const abort = new AbortController();
  // Every conversation in progress listens.
  setMaxListeners(Infinity, gracefulStop.signal, abort.signal);
  const onSignal = () => {
    if (!gracefulStop.signal.aborted) {
      logger.warn("stopping: waiting for the calls in flight. A second signal stops at once; either way the same command continues.");
      gracefulStop.abort();
    } else abort.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    stop: { gracefulStop: gracefulStop.signal, abort: abort.signal },
    restore: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}
