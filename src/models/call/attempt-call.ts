import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { RunnableConfig } from "@langchain/core/runnables";

import { v7 as newRunId } from "@langchain/core/utils/uuid";

import type { ModelAccess, ModelRequest, ReplySchema } from "../../nodes/model-access.js";
import { attemptFault } from "./attempt-fault.js";
import { withDeadline } from "./deadline.js";
import { redact } from "./redact.js";
import { readReply } from "./reply.js";

export interface AttemptOptions {
  readonly modelFor: (request: ModelRequest) => BaseChatModel;
  /** Milliseconds until an attempt is given up. */
  readonly timeoutMs: number;
  /** What must not show up in a message: the key, and what the base URL's query holds. */
  readonly secretsFor: (request: ModelRequest) => readonly string[];
}

/**
 * One attempt at a call: the messages go to the chat model as they are, the reply comes back normalised. A traced attempt
 * gets a run id of its own, told in the reply, so that feedback finds it. Throws `AttemptError` when it brings no reply, and
 * the signal's own reason when that fires.
 */
export function attemptCall({ modelFor, timeoutMs, secretsFor }: AttemptOptions): ModelAccess {
  return async (request, config) => {
    const model = modelFor(request);
    const traced = isTraced(config) ? { runId: newRunId() } : {};
    try {
      const message = await withDeadline(timeoutMs, config.signal, (signal) => {
        const options = { ...callOptions(config), ...traced, signal, ...responseFormat(request.reply) };
        return model.invoke([...request.messages], options);
      });
      return { ...readReply(message, request.settings.model.replace(/^openai:/, "")), ...traced };
    } catch (error) {
      config.signal?.throwIfAborted();
      throw attemptFault(error, (text) => redact(text, secretsFor(request)));
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

function responseFormat(reply: ReplySchema | undefined) {
  return reply && { response_format: { type: "json_schema", json_schema: { name: reply.name, schema: reply.schema, strict: true } } };
}
