import { ModelCallError } from "../../errors.js";
import type { AttemptError } from "../attempt/attempt-error.js";
import { type ModelRequest, formatCaller } from "../model-call.js";

/**
 * Converts the last failed attempt to the error that callers see: who called what, where, how often, and what to do.
 *
 * @param note Sentence to insert before the advice.
 */
export function toModelCallError(request: ModelRequest, error: AttemptError, endpoint: string, attempts: number, note?: string): ModelCallError {
  const { caller, settings } = request;
  const { model } = settings;
  const attemptCount = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  const sentences = [
    `The ${formatCaller(caller)} got no response from ${model} at ${endpoint} (${attemptCount}): ${error.message.replace(/[.\s]+$/, "")}.`,
    ...(note === undefined ? [] : [note]),
    getAdvice(request, error),
  ];
  return new ModelCallError(error.code, sentences.join(" "), { caller, endpoint, model, status: error.details.status, attempts }, { cause: error });
}

function getAdvice({ settings }: ModelRequest, { code, details }: AttemptError): string {
  if (details.advice !== undefined) return details.advice;
  switch (code) {
    case "model_unauthorized":
      return `Check the key in the environment variable ${settings.apiKeyEnv}, and that it may use this model.`;
    case "model_insufficient_quota":
      return `The account of the key in ${settings.apiKeyEnv} is out of credit: check its plan and billing, then try again.`;
    case "model_quota_exhausted":
      return `The quota of the key in ${settings.apiKeyEnv} is used up for now: continue once the provider has reset it, or use another key or model.`;
    case "model_request_refused":
      return "The endpoint refuses this request for what it says; other requests are not concerned.";
    case "model_rate_limited":
      return "Lower the concurrency, or try again later.";
    case "model_timeout":
      return "Raise the timeout, lower the output limit, or lower the concurrency.";
    case "model_unavailable":
      return details.status === undefined
        ? "Check that the server is running and that the base URL is right."
        : "The endpoint is not working: try again later.";
    case "model_invalid_configuration":
      return "Check the model's settings.";
    case "model_not_found":
      return "Check the model's name and the base URL (it usually ends in /v1).";
    case "model_context_overflow":
      return "The conversation does not fit the model's context: lower maxOutputTokens, wordLimit or turns, or give the model a longer context.";
    case "model_bad_request":
      return "The endpoint rejected the request: check the model's name, temperature, output limit and the length of the conversation.";
  }
}
