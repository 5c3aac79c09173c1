import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";

import type { Env } from "../env.js";
import { Settings } from "../state/settings.js";
import { type NamedEndpoint, getEndpoints, getEndpointSecrets } from "./endpoint-secrets.js";
import { FeedbackTracer } from "./feedback.js";
import { conversationLabels } from "./labels.js";
import { type Redactor, createRedactor } from "../redaction.js";
import { TraceClient } from "./trace-client.js";
import { type Experiment, createNoopTracer, createTracer } from "./tracers.js";
import { isHidden, isTracingOn, getProject, isLangChainTracingOn } from "./langsmith-env.js";

export interface ServerTracingOptions {
  readonly env: Env;
  /** Endpoints that requests may use, each with the variable of its key. Those that a run's own settings name are added by themselves. */
  readonly endpoints?: readonly NamedEndpoint[];
  /** Keys that the environment holds only as a part of something, such as users' keys to the server. */
  readonly keys?: readonly string[];
  /** Told whenever LangSmith begins to fail. */
  readonly onWarning: (text: string) => void;
  /**
   * For a graph whose context is `Settings`: what stands for them in the label `settings`. Runs that bring no labels of their
   * own, as Studio's, get conversation, mode and settings by it. Default: they stay without.
   */
  readonly fingerprintOf?: (settings: Settings) => string;
}

/** What a LangGraph server says of a run when it asks for the graph. */
export interface ServerRunConfig {
  readonly configurable?: Record<string, unknown>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Names the trace. */
  readonly run_name?: unknown;
}

/** What it says beside that, where it is to run the graph. */
export interface ServerRunContext {
  readonly executionRuntime?: { readonly context?: unknown } | null;
}

/** Gives the graph for a run. */
export type ServedGraph<G> = (run: ServerRunConfig, server?: ServerRunContext) => G;

interface Configurable<G> {
  withConfig(config: { callbacks: BaseCallbackHandler[]; runName?: string; tags?: string[]; metadata?: Record<string, unknown> }): G;
}

/**
 * A graph as a LangGraph server is to export it: a function that gives the graph for each run, traced as in a job (labelled,
 * scrubbed, never a burden), and not at all while tracing is off. A run that is asked for in a project of its own, as Studio
 * does for experiments, goes there as well.
 */
export function withServerTracing<G extends Configurable<G>>(graph: G, options: ServerTracingOptions): ServedGraph<G> {
  const { env } = options;
  if (!isTracingOn(env)) {
    const untraced = isLangChainTracingOn(env) ? graph.withConfig({ callbacks: [createNoopTracer()] }) : graph;
    return (run) => {
      extractExperiment(run);
      return untraced;
    };
  }
  const scrubber = createServerRedactor(options);
  const client = clientFor(options, scrubber);
  const feedback = new FeedbackTracer((rating) => client.sendFeedback(rating));
  const tracer = createTracer(client, getProject(env));
  return (run, { executionRuntime } = {}) => {
    const settings = Settings.safeParse(executionRuntime?.context ?? {}).data;
    if (settings) scrubber.addSecrets(getEndpointSecrets(getEndpoints(settings)));
    const experiment = extractExperiment(run);
    const callbacks = [experiment ? createTracer(client, getProject(env), experiment) : tracer, feedback];
    return graph.withConfig({ callbacks, ...getTraceName(run, env), ...getLabels(run, settings, options.fingerprintOf) });
  };
}

/** The name that whoever started the run gave it. It may be a seed's text, which is an input. */
function getTraceName({ run_name: name, metadata }: ServerRunConfig, env: Env): { runName?: string } {
  if (typeof name !== "string") return {};
  if (!isHidden(env, "INPUTS")) return { runName: name };
  return typeof metadata?.seed === "number" ? { runName: `seed ${metadata.seed}` } : {};
}

function getLabels(run: ServerRunConfig, settings: Settings | undefined, fingerprintOf: ServerTracingOptions["fingerprintOf"]) {
  const id = run.configurable?.thread_id;
  if (!fingerprintOf || !settings || typeof id !== "string" || run.metadata?.settings !== undefined) return {};
  const { tags, metadata } = conversationLabels({ id, settings, fingerprint: fingerprintOf(settings) });
  return { tags: [...tags], metadata: { ...metadata } };
}

/**
 * The project that a request asks for (`langsmith_tracer`), taken out of the run's config: the server asks for the graph
 * first, and whatever project it then finds there it would trace to by itself, unscrubbed.
 */
function extractExperiment({ configurable = {} }: ServerRunConfig): Experiment | null {
  const { langsmith_project: project, langsmith_example_id: example } = configurable;
  delete configurable.langsmith_project;
  if (typeof project !== "string" || project === "") return null;
  return { project, example: typeof example === "string" ? example : undefined };
}

/**
 * The reviews as LangSmith feedback, and nothing else: a callback for the run of a host graph that LangChain itself traces.
 * Null while tracing is off.
 */
export function createFeedbackCallback(options: ServerTracingOptions): BaseCallbackHandler | null {
  if (!isTracingOn(options.env)) return null;
  const client = clientFor(options, createServerRedactor(options));
  return new FeedbackTracer((rating) => client.sendFeedback(rating));
}

function createServerRedactor({ env, endpoints = [], keys = [] }: ServerTracingOptions): Redactor {
  const scrubber = createRedactor(env);
  scrubber.addSecrets(getEndpointSecrets(endpoints));
  scrubber.addSecrets({ values: keys });
  return scrubber;
}

function clientFor({ env, onWarning }: ServerTracingOptions, scrubber: Redactor): TraceClient {
  const onFailure = (reason: string) => onWarning(`LangSmith gets no traces for a while: ${reason}`);
  return new TraceClient({ env, project: getProject(env), scrubber, onFailure });
}
