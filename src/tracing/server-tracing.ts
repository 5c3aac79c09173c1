import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";

import type { Environment } from "../environment.js";
import { FeedbackTracer } from "./feedback.js";
import { createScrubber } from "./secrets.js";
import { TraceClient } from "./trace-client.js";
import { tracerFor } from "./tracers.js";
import { isTracingOn, projectOf } from "./variables.js";

export interface ServerTracingOptions {
  readonly env: Environment;
  /** Told whenever LangSmith begins to fail. */
  readonly onWarning: (text: string) => void;
}

/** What a LangGraph server says of a run when it asks for the graph. */
export interface ServerRunConfig {
  readonly configurable?: Readonly<Record<string, unknown>>;
}

interface Configurable<G> {
  withConfig(config: { callbacks: BaseCallbackHandler[] }): G;
}

/**
 * A graph as a LangGraph server is to export it: traced as in a job (labelled, scrubbed, never a burden) instead of by the
 * server's own tracer. The graph itself while tracing is off, else a function that gives the graph for each run: a run that
 * Studio wants in a project of its own choice is traced by the server, and only rated here, since LangChain mixes up two
 * tracers in one run.
 */
export function withServerTracing<G extends Configurable<G>>(graph: G, options: ServerTracingOptions): G | ((run: ServerRunConfig) => G) {
  const { env } = options;
  if (!isTracingOn(env)) return graph;
  const client = clientFor(options);
  const feedback = new FeedbackTracer((rating) => client.rate(rating));
  const traced = graph.withConfig({ callbacks: [tracerFor(client, projectOf(env)), feedback] });
  const rated = graph.withConfig({ callbacks: [feedback] });
  return ({ configurable }) => (configurable?.langsmith_project === undefined ? traced : rated);
}

/**
 * The reviews as LangSmith feedback, and nothing else: a callback for the run of a host graph that LangChain itself traces.
 * Null while tracing is off.
 */
export function feedbackCallback(options: ServerTracingOptions): BaseCallbackHandler | null {
  if (!isTracingOn(options.env)) return null;
  const client = clientFor(options);
  return new FeedbackTracer((rating) => client.rate(rating));
}

function clientFor({ env, onWarning }: ServerTracingOptions): TraceClient {
  const onTrouble = (reason: string) => onWarning(`LangSmith gets no traces for a while: ${reason}`);
  return new TraceClient({ env, project: projectOf(env), scrubber: createScrubber(env), onTrouble });
}
