import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";

import type { Environment } from "../environment.js";
import { Settings } from "../state/settings.js";
import { type NamedEndpoint, endpointsIn, secretsOf } from "./endpoint-secrets.js";
import { FeedbackTracer } from "./feedback.js";
import { type Scrubber, createScrubber } from "./secrets.js";
import { TraceClient } from "./trace-client.js";
import { tracerFor } from "./tracers.js";
import { isTracingOn, projectOf } from "./variables.js";

export interface ServerTracingOptions {
  readonly env: Environment;
  /** Endpoints that requests may use, each with the variable of its key. Those that a run's own settings name are added by themselves. */
  readonly endpoints?: readonly NamedEndpoint[];
  /** Keys that the environment holds only as a part of something, such as users' keys to the server. */
  readonly keys?: readonly string[];
  /** Told whenever LangSmith begins to fail. */
  readonly onWarning: (text: string) => void;
}

/** What a LangGraph server says of a run when it asks for the graph. */
export interface ServerRunConfig {
  readonly configurable?: Readonly<Record<string, unknown>>;
}

/** What it says beside that, where it is to run the graph. */
export interface ServerRunContext {
  readonly executionRuntime?: { readonly context?: unknown } | null;
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
export function withServerTracing<G extends Configurable<G>>(
  graph: G,
  options: ServerTracingOptions,
): G | ((run: ServerRunConfig, server?: ServerRunContext) => G) {
  const { env } = options;
  if (!isTracingOn(env)) return graph;
  const scrubber = scrubberFor(options);
  const client = clientFor(options, scrubber);
  const feedback = new FeedbackTracer((rating) => client.rate(rating));
  const traced = graph.withConfig({ callbacks: [tracerFor(client, projectOf(env)), feedback] });
  const rated = graph.withConfig({ callbacks: [feedback] });
  return ({ configurable }, { executionRuntime } = {}) => {
    const settings = Settings.safeParse(executionRuntime?.context ?? {}).data;
    if (settings) scrubber.hide(secretsOf(endpointsIn(settings)));
    return configurable?.langsmith_project === undefined ? traced : rated;
  };
}

/**
 * The reviews as LangSmith feedback, and nothing else: a callback for the run of a host graph that LangChain itself traces.
 * Null while tracing is off.
 */
export function feedbackCallback(options: ServerTracingOptions): BaseCallbackHandler | null {
  if (!isTracingOn(options.env)) return null;
  const client = clientFor(options, scrubberFor(options));
  return new FeedbackTracer((rating) => client.rate(rating));
}

function scrubberFor({ env, endpoints = [], keys = [] }: ServerTracingOptions): Scrubber {
  const scrubber = createScrubber(env);
  scrubber.hide(secretsOf(endpoints));
  scrubber.hide({ values: keys });
  return scrubber;
}

function clientFor({ env, onWarning }: ServerTracingOptions, scrubber: Scrubber): TraceClient {
  const onTrouble = (reason: string) => onWarning(`LangSmith gets no traces for a while: ${reason}`);
  return new TraceClient({ env, project: projectOf(env), scrubber, onTrouble });
}
