import PQueue from "p-queue";

import type { ModelMiddleware } from "../../model-calls/model-call.js";
import { maxActiveCalls } from "./open-model.js";

/** Prefix of these models in settings. */
const ggufPrefix = "gguf:";

/**
 * Creates middleware in which calls of a model in this process wait until it has room for them.
 *
 * It goes around the attempt, whose timeout is for computing and not for waiting.
 */
export function withGgufSlots(): ModelMiddleware {
  const queues = new Map<string, PQueue>();
  return (next) => (request, config) => {
    const { model } = request.settings;
    if (!model.startsWith(ggufPrefix)) return next(request, config);
    const queue = queues.get(model) ?? new PQueue({ concurrency: maxActiveCalls });
    queues.set(model, queue);
    return queue.add(() => next(request, config), { signal: config.signal });
  };
}
