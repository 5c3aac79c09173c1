import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";

import type { Env } from "../env.js";
import { type Redactor, createRedactor } from "../redaction.js";
import { Settings } from "../state/settings.js";
import { type EndpointConfig, getConfiguredEndpoints, getEndpointSecrets } from "./endpoint-secrets.js";
import { FeedbackTracer } from "./feedback.js";
import { createConversationLabels } from "./labels.js";
import { getProject, isHidden, isLangChainTracingOn, isTracingOn } from "./langsmith-env.js";
import { TraceClient } from "./trace-client.js";
import { type Experiment, createNoopTracer, createTracer } from "./tracers.js";

export interface ServerTracingOptions {
  readonly env: Env;
  /** Endpoints that requests may use, whose keys are hidden. Endpoints in the settings of a run are added automatically. */
  readonly endpoints?: readonly EndpointConfig[];
  /** More values to hide, e.g. the users' keys, which are only a part of a variable. */
  readonly secrets?: readonly string[];
  /** Called each time LangSmith starts to fail. */
  readonly onWarning: (text: string) => void;
  /**
   * Returns the label `settings` of a run, for a graph whose context is `Settings`. Runs without labels, e.g. Studio's, then
   * get the labels `conversation`, `mode` and `settings`.
   *
   * @default Those runs get no labels
   */
  readonly getFingerprint?: (settings: Settings) => string;
}

/** The config of a run that a LangGraph server passes when it requests the graph. */
export interface ServerRunConfig {
  readonly configurable?: Record<string, unknown>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Name of the trace. */
  readonly run_name?: unknown;
}

/** The second argument that a LangGraph server passes when it requests the graph in order to run it. */
export interface ServerRunContext {
  readonly executionRuntime?: { readonly context?: unknown } | null;
}

/** Returns the graph for one run. */
export type ServedGraph<G> = (run: ServerRunConfig, server?: ServerRunContext) => G;

interface Configurable<G> {
  withConfig(config: { callbacks: BaseCallbackHandler[]; runName?: string; tags?: string[]; metadata?: Record<string, unknown> }): G;
}

/**
 * Wraps a graph for export to a LangGraph server, with tracing as in a job.
 *
 * Nothing is traced while tracing is off. A run that requests its own project, as Studio does for experiments, is sent to that
 * project too.
 */
export function withServerTracing<G extends Configurable<G>>(graph: G, options: ServerTracingOptions): ServedGraph<G> {
  const { env } = options;
  if (!isTracingOn(env)) {
    const untracedGraph = isLangChainTracingOn(env) ? graph.withConfig({ callbacks: [createNoopTracer()] }) : graph;
    return (run) => {
      extractExperiment(run);
      return untracedGraph;
    };
  }
  const redactor = createServerRedactor(options);
  const client = createClient(options, redactor);
  const feedbackTracer = new FeedbackTracer((entry) => client.sendFeedback(entry));
  const tracer = createTracer(client, getProject(env));
  return (run, { executionRuntime } = {}) => {
    const settings = Settings.safeParse(executionRuntime?.context ?? {}).data;
    if (settings) redactor.addSecrets(getEndpointSecrets(getConfiguredEndpoints(settings)));
    const experiment = extractExperiment(run);
    const callbacks = [experiment ? createTracer(client, getProject(env), experiment) : tracer, feedbackTracer];
    return graph.withConfig({ callbacks, ...getTraceName(run, env), ...getLabels(run, settings, options.getFingerprint) });
  };
}

/** Returns the name that the client gave to the run. It may be a seed's text, which is an input. */
function getTraceName({ run_name: name, metadata }: ServerRunConfig, env: Env): { runName?: string } {
  if (typeof name !== "string") return {};
  if (!isHidden(env, "INPUTS")) return { runName: name };
  return typeof metadata?.seed === "number" ? { runName: `seed ${metadata.seed}` } : {};
}

function getLabels(run: ServerRunConfig, settings: Settings | undefined, getFingerprint: ServerTracingOptions["getFingerprint"]) {
  const id = run.configurable?.thread_id;
  if (!getFingerprint || !settings || typeof id !== "string" || run.metadata?.settings !== undefined) return {};
  const { tags, metadata } = createConversationLabels({ id, settings, fingerprint: getFingerprint(settings) });
  return { tags: [...tags], metadata: { ...metadata } };
}

/**
 * Returns the project that a request names (`langsmith_tracer`), and removes it from the run's config.
 *
 * The server requests the graph first. If the config still names a project afterwards, the server itself sends the run there
 * without redaction.
 */
function extractExperiment({ configurable = {} }: ServerRunConfig): Experiment | null {
  const { langsmith_project: project, langsmith_example_id: exampleId } = configurable;
  delete configurable.langsmith_project;
  if (typeof project !== "string" || project === "") return null;
  return { project, exampleId: typeof exampleId === "string" ? exampleId : undefined };
}

/**
 * Creates a callback handler that sends only feedback, for a host graph that LangChain traces.
 *
 * @returns Null while tracing is off.
 */
export function createFeedbackCallback(options: ServerTracingOptions): BaseCallbackHandler | null {
  if (!isTracingOn(options.env)) return null;
  const client = createClient(options, createServerRedactor(options));
  return new FeedbackTracer((entry) => client.sendFeedback(entry));
}

function createServerRedactor({ env, endpoints = [], secrets = [] }: ServerTracingOptions): Redactor {
  const redactor = createRedactor(env);
  redactor.addSecrets(getEndpointSecrets(endpoints));
  redactor.addSecrets({ values: secrets });
  return redactor;
}

function createClient({ env, onWarning }: ServerTracingOptions, redactor: Redactor): TraceClient {
  const onFailure = (reason: string) => onWarning(`LangSmith gets no traces for a while: ${reason}`);
  return new TraceClient({ env, project: getProject(env), redactor, onFailure });
}
