import type { BaseChatModel } from "@langchain/core/language_models/chat_models";

import { AttemptError } from "../../model-calls/attempt/attempt-error.js";
import type { LangChainPackage } from "./packages.js";
import { toCallOptions } from "./response-format.js";

/** Errors of Google's client when no response arrived; they carry neither a cause nor a code. */
const connectionErrorPattern = /^\[GoogleGenerativeAI Error\]: Error fetching from .*: (fetch failed|terminated)/s;

/**
 * Makes a model of a package take options and throw errors as this project's model calls do.
 *
 * `response_format` becomes what the package calls it. Errors get the HTTP status under the name that others use.
 */
export function wrapChatModel(model: BaseChatModel, { schemaDialect }: LangChainPackage): BaseChatModel {
  const invoke = model.invoke.bind(model);
  model.invoke = async (input, options = {}) => {
    try {
      return await invoke(input, toCallOptions(options, schemaDialect));
    } catch (error) {
      throw normalizeError(error);
    }
  };
  return model;
}

function normalizeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (connectionErrorPattern.test(error.message)) {
    return new AttemptError("model_unavailable", `the connection failed: ${error.message}`, { retryable: true }, { cause: error });
  }
  const status: unknown = "status_code" in error ? error.status_code : undefined;
  return typeof status === "number" ? Object.assign(error, { status }) : error;
}
