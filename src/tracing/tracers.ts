import { LangChainTracer } from "@langchain/core/tracers/tracer_langchain";

import type { TraceClient } from "./trace-client.js";

/**
 * For callbacks that never wait for anything: LangChain then calls them as things happen. Else it queues them behind
 * everything else that listens, without bound, and a run's end is the moment when its turn has come.
 */
export const awaitHandlers = { _awaitHandler: true } as const;

/** A further project that wants a run, as the outcome of one of a dataset's examples where that is named. */
export interface Experiment {
  readonly project: string;
  readonly example?: string;
}

/** Sends runs to a project, and copies with ids of their own to an experiment's. */
export function createTracer(client: TraceClient, projectName: string, experiment?: Experiment): LangChainTracer {
  if (!experiment) return new LangChainTracer({ ...awaitHandlers, client, projectName });
  const { project, example } = experiment;
  const replicas = [{ projectName: project, updates: { reference_example_id: example } }];
  return new LangChainTracer({
    ...awaitHandlers,
    client,
    projectName,
    replicas: project === projectName ? replicas : [...replicas, { projectName }],
  });
}

/**
 * Sends nothing. LangChain adds a tracer of its own to every run that has none while its environment variables ask for
 * tracing; with this one among the callbacks it does not.
 */
export function createNoopTracer(): LangChainTracer {
  return new LangChainTracer({ ...awaitHandlers, client: { createRun: async () => {}, updateRun: async () => {} } });
}
