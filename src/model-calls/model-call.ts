import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";

import type { ModelCaller } from "../errors.js";
import type { ModelSettings } from "../state/settings.js";

/** The JSON schema that a response should follow, for endpoints that can enforce one. The prompt describes it in words too. */
export interface ResponseSchema {
  readonly name: string;
  readonly schema: Record<string, unknown>;
  /**
   * What the endpoint is asked to enforce: the schema, or only that the response is a JSON object.
   * @default "json_schema"
   */
  readonly type?: "json_schema" | "json_object";
}

/** One request to a model. */
export interface ModelRequest {
  /** Names the caller in errors, estimates, usage and cache keys. */
  readonly caller: ModelCaller;
  readonly settings: ModelSettings;
  readonly messages: readonly BaseMessage[];
  /** Shape of the response. Default: free text. */
  readonly responseFormat?: ResponseSchema;
}

/** Tokens as the endpoint counted them. */
export interface TokenUsage {
  /** Null where the endpoint did not say. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** One response of a model. */
export interface ModelResponse {
  /** The response without reasoning. */
  readonly text: string;
  /** `length`: cut off at the output limit. `refusal`: declined by the model or its endpoint. */
  readonly finishReason: "stop" | "length" | "refusal";
  readonly usage: TokenUsage;
  /** The model as the endpoint names it. */
  readonly model: string;
  /** What the model thought before its answer, where the endpoint or the text shows it. */
  readonly reasoning?: string;
  /** Set if the endpoint counted fewer input tokens than the prompt has at least: it may have cut the prompt. */
  readonly promptCut?: true;
  /** Id under which the message was streamed to clients, if it was. */
  readonly messageId?: string;
  /** UUID of the call's run in traces, for feedback. */
  readonly runId?: string;
  /** Set on a response from the cache, which cost nothing. */
  readonly cached?: true;
  /**
   * Removes this response from the cache. Undefined if it was not cached. Call it when the response is unusable, or the next
   * identical request returns it again. Never throws.
   */
  readonly evict?: () => Promise<void>;
}

/**
 * Makes one model call.
 *
 * @param config Signal, callbacks, run name, tags and metadata of the call.
 * @throws {ModelCallError} When no response arrived, retries included.
 */
export type CallModel = (request: ModelRequest, config: RunnableConfig) => Promise<ModelResponse>;

/** Wraps a model call: a rate limiter, a budget, a cache. */
export type ModelMiddleware = (next: CallModel) => CallModel;

/**
 * Returns the endpoint that settings lead to, without credentials or query.
 *
 * @returns Null for a model inside this process, which needs no rate limit, cache or circuit breaker.
 */
export type DescribeEndpoint = (settings: ModelSettings) => string | null;

/** Describes an endpoint by the settings' base URL alone; null where they name none. Replicas are one endpoint together. */
export function describeBaseUrl({ baseUrl, replicas = [] }: Pick<ModelSettings, "baseUrl" | "replicas">): string | null {
  if (baseUrl === null) return null;
  return (replicas.length > 1 ? replicas : [baseUrl])
    .map((url) => {
      const { origin, pathname } = new URL(url);
      return `${origin}${pathname.replace(/\/+$/, "")}`;
    })
    .join(", ");
}

/** Formats a caller for messages: `candidate`, `reviewer "depth"`. */
export function formatCaller({ name, group }: ModelCaller): string {
  return group === undefined ? name : `${group} "${name}"`;
}

/** Returns what callers with a common prompt share: the group, else the name. */
export function getCallerKind({ name, group }: ModelCaller): string {
  return group ?? name;
}
