import { setMaxListeners } from "node:events";

import type { Stop } from "../generation/conversation.js";
import type { Logger } from "../logger.js";

/**
 * The first SIGINT or SIGTERM lets every conversation reach its next superstep; the second stops at once. Both leave
 * everything resumable.
 */
export function stopOnSignals(logger: Logger): { readonly stop: Stop; restore(): void } {
  const drain = new AbortController();
  const abort = new AbortController();
  // Every conversation under way listens.
  setMaxListeners(Infinity, drain.signal, abort.signal);
  const onSignal = () => {
    if (!drain.signal.aborted) {
      logger.warn("stopping: waiting for the calls under way. Once more stops at once; either way the same command continues.");
      drain.abort();
    } else abort.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    stop: { drain: drain.signal, abort: abort.signal },
    restore: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}
