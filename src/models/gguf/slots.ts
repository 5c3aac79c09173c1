import PQueue from "p-queue";

import type { ModelMiddleware } from "../../model-calls/model-call.js";

/** Prefix of these models in settings. */
const ggufPrefix = "gguf:";
/** Number of calls at a time until the model is open and tells how many it has room for. */
const initialSlots = 1;

/** Queues by model name. Models are shared by everything in this process, and so is their room. */
const queues = new Map<string, PQueue>();

/**
 * Creates middleware in which calls of a model in this process wait until it has room for them.
 *
 * It goes around the attempt, whose timeout is for computing and not for waiting.
 */
export function withGgufSlots(): ModelMiddleware {
  return (next) => (request, config) => {
    const { model } = request.settings;
    if (!model.startsWith(ggufPrefix)) return next(request, config);
    return getQueue(model.slice(ggufPrefix.length).trim()).add(() => next(request, config), { signal: config.signal });
  };
}

/**
 * Sets how many calls of a model run at a time.
 *
 * @param name Name of the model without its provider.
 */
export function setGgufSlots(name: string, count: number): void {
  getQueue(name).concurrency = count;
}

function getQueue(name: string): PQueue {
  const queue = queues.get(name) ?? new PQueue({ concurrency: initialSlots });
  queues.set(name, queue);
  return queue;
}
