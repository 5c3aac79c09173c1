import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";

import type { Role } from "../state/records.js";
import type { ModelSettings } from "../state/settings.js";

/** The shape an answer should have, for endpoints that can enforce one. The prompt always says it in words too. */
export interface ReplySchema {
  /** Also tells a rehearsal model which role is asking. */
  readonly name: string;
  readonly schema: Record<string, unknown>;
}

/** One question of one role to its model. */
export interface ModelRequest {
  readonly role: Role;
  /** The reviewer's name, where a reviewer asks. */
  readonly reviewer?: string;
  readonly settings: ModelSettings;
  readonly messages: readonly BaseMessage[];
  readonly reply?: ReplySchema;
}

/** Tokens as the endpoint counted them. */
export interface TokenUsage {
  /** Null where the endpoint did not say. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** What came back. */
export interface ModelReply {
  /** What the model said, without its thinking. */
  readonly text: string;
  /** `length`: cut off at the output limit. `refusal`: the endpoint declined. */
  readonly finish: "stop" | "length" | "refusal";
  readonly usage: TokenUsage;
  /** The model as the endpoint names it. */
  readonly model: string;
  /** The id under which the message was streamed to whoever watches the run, where there is one. */
  readonly messageId?: string;
  /** The run id under which the call was traced (a UUID): feedback on the reply goes there. */
  readonly runId?: string;
  /** Came out of a cache and was not paid for. */
  readonly cached?: true;
  /**
   * Forgets the reply where it was kept to be given again; absent where it was not kept. Whoever cannot use a reply calls
   * this, or the same request would get the same reply for ever. Never throws.
   */
  readonly discard?: () => Promise<void>;
}

/**
 * All that a node needs of a model: one request, one reply. Retries, rate limits, budgets and caches are wrappers of the
 * same shape. `config` carries signal, callbacks, run name, tags and metadata. Throws `ModelCallError` when no reply could
 * be had.
 */
export type ModelAccess = (request: ModelRequest, config: RunnableConfig) => Promise<ModelReply>;
