import { ModelCallError } from "../../errors.js";
import { type ModelRequest, formatCaller } from "../model-call.js";
import type { AttemptError } from "../attempt/attempt-error.js";

/** The last failed attempt as the error that leaves this room: who, where, what, how often, and what to do. */
export function modelCallError(request: ModelRequest, failure: AttemptError, endpoint: string, attempts: number, note = ""): ModelCallError {
  const { model } = request.settings;
  const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  const message = `The ${formatCaller(request.caller)} got no reply from ${model} at ${endpoint} (${tries}): ${failure.message.replace(/[.\s]+$/, "")}. ${note}${adviceFor(request, failure)}`;
  return new ModelCallError(
    failure.code,
    message,
    { caller: request.caller, endpoint, model, status: failure.detail.status, attempts },
    { cause: failure },
  );
}

function adviceFor({ settings }: ModelRequest, { code, detail }: AttemptError): string {
  switch (code) {
    case "model_unauthorized":
      return `Check the key in the environment variable ${settings.apiKeyEnv}, and that it may use this model.`;
    case "model_insufficient_quota":
      return `The account of the key in ${settings.apiKeyEnv} is out of credit: check its plan and billing, then try again.`;
    case "model_rate_limited":
      return "Lower the concurrency, or try again later.";
    case "model_timeout":
      return "Raise the timeout, lower the output limit, or lower the concurrency.";
    case "model_unavailable":
      return detail.status === undefined
        ? "Check that the server is up and that the base URL is right."
        : "The endpoint is in trouble: try again later.";
    case "model_invalid_configuration":
      return "Check the model's settings.";
    case "model_not_found":
      return "Check the model's name and the base URL (it usually ends in /v1).";
    case "model_bad_request":
      return "The endpoint refuses the request as it is: check the model's name, temperature, output limit and the length of the conversation.";
  }
}
