import { LangChainTracer } from "@langchain/core/tracers/tracer_langchain";

import type { TraceClient } from "./trace-client.js";

/**
 * Makes LangChain await these handlers inline.
 *
 * Background handlers are queued without a bound, and the end times of runs would be those of the queue.
 */
export const awaitHandlers = { _awaitHandler: true } as const;

/** A second project that gets a run. */
export interface Experiment {
  readonly project: string;
  /** Example of a dataset that the run is a result for. */
  readonly exampleId?: string;
}

/** Creates a tracer that sends runs to a project, and copies of them, with their own ids, to the project of an experiment. */
export function createTracer(client: TraceClient, projectName: string, experiment?: Experiment): LangChainTracer {
  if (!experiment) return new LangChainTracer({ ...awaitHandlers, client, projectName });
  const { project, exampleId } = experiment;
  const replicas = [{ projectName: project, updates: { reference_example_id: exampleId } }];
  return new LangChainTracer({
    ...awaitHandlers,
    client,
    projectName,
    replicas: project === projectName ? replicas : [...replicas, { projectName }],
  });
}

/**
 * Creates a tracer that sends nothing.
 *
 * While its environment variables turn tracing on, LangChain adds its own tracer to every run that has none. This tracer
 * prevents that.
 */
export function createNoopTracer(): LangChainTracer {
  return new LangChainTracer({ ...awaitHandlers, client: { createRun: async () => {}, updateRun: async () => {} } });
}
