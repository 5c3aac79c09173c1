import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { RunnableConfig } from "@langchain/core/runnables";
import { v7 as createRunId } from "@langchain/core/utils/uuid";

import { createErrorTextRedactor } from "../../redaction.js";
import type { CallModel, ModelRequest, ResponseSchema } from "../model-call.js";
import { toAttemptError } from "./classify-error.js";
import { parseAiMessage } from "./parse-ai-message.js";
import { withTimeout } from "./with-timeout.js";

/** Options of {@link invokeChatModel}. */
export interface AttemptOptions {
  readonly getChatModel: (request: ModelRequest) => BaseChatModel | Promise<BaseChatModel>;
  /** Returns the name to report where the endpoint reports none. */
  readonly getModelName: (spec: string) => string;
  /** Milliseconds until an attempt times out. */
  readonly timeoutMs: number;
  /** Returns the texts to hide in error messages: the key, and the values in the base URL's query. */
  readonly getSecrets: (request: ModelRequest) => readonly string[];
}

/**
 * Creates the innermost `CallModel`: one attempt at a call, with a normalised response.
 *
 * A traced attempt gets its own run id, which the response carries so that feedback can refer to it. The attempt throws
 * `AttemptError` if it brings no response, and the signal's reason if the signal aborts.
 */
export function invokeChatModel({ getChatModel, getModelName, timeoutMs, getSecrets }: AttemptOptions): CallModel {
  return async (request, config) => {
    const model = await getChatModel(request);
    const traced = isTraced(config) ? { runId: createRunId() } : {};
    try {
      const message = await withTimeout(timeoutMs, config.signal, (signal) => {
        const options = { ...pickModelConfig(config), ...traced, signal, ...toResponseFormat(request.responseFormat) };
        return model.invoke([...request.messages], options);
      });
      return { ...parseAiMessage(message, getModelName(request.settings.model)), ...traced };
    } catch (error) {
      config.signal?.throwIfAborted();
      throw toAttemptError(error, createErrorTextRedactor(getSecrets(request)));
    }
  };
}

/** Returns true if a LangSmith tracer listens, this project's or LangChain's own. LangChain recognises it by name, too. */
function isTraced({ callbacks = [] }: RunnableConfig): boolean {
  const handlers = Array.isArray(callbacks) ? callbacks : callbacks.handlers;
  return handlers.some((handler) => "name" in handler && handler.name === "langchain_tracer");
}

/** Drops the rest of a node's config (context, store, writer), which would show up in traces. */
function pickModelConfig({ callbacks, runName, runId, tags, metadata, configurable }: RunnableConfig): RunnableConfig {
  return { callbacks, runName, runId, tags, metadata, configurable };
}

function toResponseFormat(format: ResponseSchema | undefined) {
  if (!format) return {};
  if (format.type === "json_object") return { response_format: { type: "json_object" } };
  return { response_format: { type: "json_schema", json_schema: { name: format.name, schema: format.schema, strict: true } } };
}
