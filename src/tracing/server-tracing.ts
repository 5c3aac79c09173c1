import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { LangChainTracer } from "@langchain/core/tracers/tracer_langchain";

import type { Environment } from "../environment.js";
import { FeedbackTracer } from "./feedback.js";
import { createScrubber } from "./secrets.js";
import { TraceClient } from "./trace-client.js";
import { isTracingOn, projectOf } from "./variables.js";

export interface ServerTracingOptions {
  readonly env: Environment;
  /** Told whenever LangSmith begins to fail. */
  readonly onWarning: (text: string) => void;
}

/**
 * Callbacks for a graph that a LangGraph server runs (`graph.withConfig({ callbacks })`): traces as in a job, scrubbed and
 * never a burden, in place of the server's own. Empty while tracing is off.
 */
export function serverCallbacks(options: ServerTracingOptions): BaseCallbackHandler[] {
  if (!isTracingOn(options.env)) return [];
  const client = clientFor(options);
  return [new LangChainTracer({ client, projectName: projectOf(options.env) }), new FeedbackTracer((rating) => client.rate(rating))];
}

/**
 * The reviews as LangSmith feedback, and nothing else: for a host graph that is traced by LangChain itself. Pass it to the
 * host's run. Null while tracing is off.
 */
export function feedbackCallback(options: ServerTracingOptions): BaseCallbackHandler | null {
  if (!isTracingOn(options.env)) return null;
  const client = clientFor(options);
  return new FeedbackTracer((rating) => client.rate(rating));
}

function clientFor({ env, onWarning }: ServerTracingOptions): TraceClient {
  return new TraceClient({
    env,
    project: projectOf(env),
    scrubber: createScrubber(env),
    onTrouble: (reason) => onWarning(`LangSmith gets no traces for a while: ${reason}`),
    // Studio asks the server to send a run elsewhere: then the server sends it here too.
    isForeign: (metadata) => metadata.langsmith_project !== undefined,
  });
}
