import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";

import type { ModelRequest } from "./model-call.js";

/** Caller of the requests that check an endpoint. */
const endpointCheckCaller = { name: "endpoint check" };

/**
 * Creates the smallest request with the settings and the response format of another one.
 *
 * It tells whose fault a failure is: an endpoint that fails here as well has the fault itself. It holds no text of any
 * conversation.
 */
export function createEndpointCheck({ settings, responseFormat }: ModelRequest): ModelRequest {
  const messages = [new SystemMessage("You test whether an endpoint works."), new HumanMessage("Reply with OK.")];
  return { caller: endpointCheckCaller, settings, messages, ...(responseFormat && { responseFormat }) };
}

/** Returns true for a request that {@link createEndpointCheck} created. */
export function isEndpointCheck({ caller }: Pick<ModelRequest, "caller">): boolean {
  return caller === endpointCheckCaller;
}

/** Returns the config of a check: named in traces, and never streamed to clients, as `nostream` tells LangGraph. */
export function getEndpointCheckConfig(config: RunnableConfig, signal: AbortSignal | undefined = config.signal): RunnableConfig {
  const { callbacks, metadata, configurable, tags = [] } = config;
  return { callbacks, metadata, configurable, tags: [...tags, "nostream", "langsmith:nostream"], runName: "endpoint check", signal };
}
