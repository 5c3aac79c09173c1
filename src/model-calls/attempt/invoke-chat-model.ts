import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { RunnableConfig } from "@langchain/core/runnables";

import { v7 as newRunId } from "@langchain/core/utils/uuid";

import type { CallModel, ModelRequest, ResponseSchema } from "../model-call.js";
import { toAttemptError } from "./classify-error.js";
import { withTimeout } from "./with-timeout.js";
import { redactErrorText } from "../../redaction.js";
import { parseAiMessage } from "./parse-ai-message.js";

export interface AttemptOptions {
  readonly getChatModel: (request: ModelRequest) => BaseChatModel;
  /** Returns the name to report where the endpoint reports none. */
  readonly getModelName: (spec: string) => string;
  /** Milliseconds until an attempt is given up. */
  readonly timeoutMs: number;
  /** What must not show up in a message: the key, and what the base URL's query holds. */
  readonly getSecrets: (request: ModelRequest) => readonly string[];
}

/**
 * One attempt at a call: the messages go to the chat model as they are, the reply comes back normalised. A traced attempt
 * gets a run id of its own, told in the reply, so that feedback finds it. Throws `AttemptError` when it brings no reply, and
 * the signal's own reason when that fires.
 */
export function invokeChatModel({ getChatModel, getModelName, timeoutMs, getSecrets }: AttemptOptions): CallModel {
  return async (request, config) => {
    const model = getChatModel(request);
    const traced = isTraced(config) ? { runId: newRunId() } : {};
    try {
      const message = await withTimeout(timeoutMs, config.signal, (signal) => {
        const options = { ...callOptions(config), ...traced, signal, ...responseFormat(request.responseFormat) };
        return model.invoke([...request.messages], options);
      });
      return { ...parseAiMessage(message, getModelName(request.settings.model)), ...traced };
    } catch (error) {
      config.signal?.throwIfAborted();
      throw toAttemptError(error, (text) => redactErrorText(text, getSecrets(request)));
    }
  };
}

/** Whether a tracer for LangSmith listens, ours or LangChain's own. LangChain too knows it by its name. */
function isTraced({ callbacks = [] }: RunnableConfig): boolean {
  const handlers = Array.isArray(callbacks) ? callbacks : callbacks.handlers;
  return handlers.some((handler) => "name" in handler && handler.name === "langchain_tracer");
}

/** What concerns a model. A node's config holds much more (context, store, writer), which would all show up in traces. */
function callOptions({ callbacks, runName, runId, tags, metadata, configurable }: RunnableConfig): RunnableConfig {
  return { callbacks, runName, runId, tags, metadata, configurable };
}

function responseFormat(reply: ResponseSchema | undefined) {
  return reply && { response_format: { type: "json_schema", json_schema: { name: reply.name, schema: reply.schema, strict: true } } };
}
