import { LangChainTracer } from "@langchain/core/tracers/tracer_langchain";

import type { TraceClient } from "./trace-client.js";

/**
 * For callbacks that never wait for anything: LangChain then calls them as things happen. Else it queues them behind
 * everything else that listens, without bound, and a run's end is the moment when its turn has come.
 */
export const atOnce = { _awaitHandler: true } as const;

/** Sends runs to a project. */
export function tracerFor(client: TraceClient, projectName: string): LangChainTracer {
  return new LangChainTracer({ ...atOnce, client, projectName });
}

/**
 * Sends nothing. LangChain adds a tracer of its own to every run that has none while its environment variables ask for
 * tracing; with this one among the callbacks it does not.
 */
export function silentTracer(): LangChainTracer {
  return new LangChainTracer({ ...atOnce, client: { createRun: async () => {}, updateRun: async () => {} } });
}
