import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";

import { InvalidResponseError, ModelCallError } from "../errors.js";
import type { CallUsage } from "../state/records.js";
import { ResponseValidationError } from "./json-output.js";
import { type CallModel, type ModelRequest, type ModelResponse, formatCaller } from "./model-call.js";

/** A parsed value, or the error that prevented one, with the usage of every call made. */
export type CallResult<T> =
  | { readonly calls: CallUsage[]; readonly value: T; readonly messageId?: string }
  | { readonly calls: CallUsage[]; readonly error: InvalidResponseError | ModelCallError };

/** Options of {@link callWithRepair}. */
export interface RepairOptions<T> {
  /**
   * Parses a response.
   *
   * @throws {ResponseValidationError} For a response that cannot be used. The message is sent to the model.
   */
  readonly parse: (text: string) => T;
  /** Maximum number of responses to request, the first included. */
  readonly maxAttempts: number;
}

/**
 * Calls a model and asks again, naming the problem, while the response cannot be used.
 *
 * @returns The parsed value, or the error of the last response. A refusal and a failed call are final.
 * @throws Every other error: abort, budget, shutdown.
 * @example
 * ```ts
 * const result = await callWithRepair(callModel, request, { parse: (text) => parseJsonOutput(text, schema), maxAttempts: 3 }, config);
 * if ("error" in result) throw result.error;
 * ```
 */
export async function callWithRepair<T>(
  callModel: CallModel,
  request: ModelRequest,
  options: RepairOptions<T>,
  config: RunnableConfig,
): Promise<CallResult<T>> {
  const calls: CallUsage[] = [];
  let messages = request.messages;
  for (;;) {
    const response = await callModel({ ...request, messages }, config).catch(returnCallError);
    if (response instanceof ModelCallError) return { calls, error: response };
    calls.push(toCallUsage(request, response));
    try {
      return { calls, value: parseResponse(response, options.parse), messageId: response.messageId };
    } catch (error) {
      if (!(error instanceof ResponseValidationError)) throw error;
      await response.evict?.();
      if (error.code === "response_refused" || calls.length >= options.maxAttempts)
        return { calls, error: toInvalidResponseError(request, response, calls.length, error) };
      messages = [...request.messages, ...buildRepairMessages(response, error)];
    }
  }
}

function returnCallError(error: unknown): ModelCallError {
  if (error instanceof ModelCallError) return error;
  throw error;
}

function toCallUsage({ caller }: ModelRequest, { model, usage, runId, cached }: ModelResponse): CallUsage {
  return { caller: caller.name, group: caller.group ?? "", model, ...usage, ...(runId !== undefined && { runId }), ...(cached && { cached }) };
}

function parseResponse<T>(response: ModelResponse, parse: (text: string) => T): T {
  if (response.finishReason === "refusal") throw new ResponseValidationError("response_refused", "The model refused to answer.");
  if (response.finishReason === "length")
    throw new ResponseValidationError("response_truncated", "The reply was cut off at the output limit. Reply again in full, more briefly.");
  if (response.text.trim() === "") throw new ResponseValidationError("response_empty", "The reply is empty.");
  return parse(response.text);
}

/** Builds nothing for an empty response: endpoints reject empty assistant messages and two user messages in a row. */
function buildRepairMessages(response: ModelResponse, error: ResponseValidationError): BaseMessage[] {
  if (response.text.trim() === "") return [];
  return [new AIMessage(response.text), new HumanMessage(`${error.message}\n\nReply to the request above once more, in the form it asks for.`)];
}

function toInvalidResponseError(
  request: ModelRequest,
  response: ModelResponse,
  attempts: number,
  error: ResponseValidationError,
): InvalidResponseError {
  const advice =
    error.code === "response_truncated"
      ? ` Raise maxOutputTokens (now ${request.settings.maxOutputTokens}) or choose a model that reasons less.`
      : "";
  const attemptCount = `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`;
  const message = `the ${formatCaller(request.caller)} (${response.model}) gave no usable response in ${attemptCount}: ${error.message}${advice}`;
  return new InvalidResponseError(
    error.code,
    message,
    { caller: request.caller, model: response.model, attempts, rawText: response.text },
    { cause: error },
  );
}
