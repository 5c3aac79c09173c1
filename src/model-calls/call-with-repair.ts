import type { RunnableConfig } from "@langchain/core/runnables";

import { InvalidResponseError, ModelCallError } from "../errors.js";
import type { CallUsage } from "../state/records.js";
import { ResponseValidationError } from "../text/json-output.js";
import { type CallModel, type ModelRequest, type ModelResponse, formatCaller } from "./model-call.js";
import { buildRepairMessages, cutOffNote, echoNote, isNoteEcho } from "./repair-notes.js";

/** A parsed value, or the error that prevented one, with the usage of every call made. */
export type CallResult<T> =
  | { readonly calls: CallUsage[]; readonly value: T; readonly messageId?: string; readonly reasoning?: string }
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
      const value = parseResponse(response, options.parse);
      return { calls, value, messageId: response.messageId, ...(response.reasoning !== undefined && { reasoning: response.reasoning }) };
    } catch (error) {
      if (!(error instanceof ResponseValidationError)) throw error;
      await response.evict?.();
      if (error.code === "response_refused" || calls.length >= options.maxAttempts)
        return { calls, error: toInvalidResponseError(request, response, calls.length, error) };
      // A model that repeats our notes would repeat the next one, too.
      messages = [...request.messages, ...(isNoteEcho(response.text) ? [] : buildRepairMessages(response.text, error.message))];
    }
  }
}

function returnCallError(error: unknown): ModelCallError {
  if (error instanceof ModelCallError) return error;
  throw error;
}

function toCallUsage({ caller }: ModelRequest, { model, usage, runId, cached, promptCut }: ModelResponse): CallUsage {
  return {
    caller: caller.name,
    group: caller.group ?? "",
    model,
    ...usage,
    ...(runId !== undefined && { runId }),
    ...(cached && { cached }),
    ...(promptCut && { promptCut }),
  };
}

function parseResponse<T>(response: ModelResponse, parse: (text: string) => T): T {
  if (response.finishReason === "refusal") throw new ResponseValidationError("response_refused", "The model refused to answer.");
  if (response.finishReason === "length") throw new ResponseValidationError("response_truncated", `${cutOffNote}${describeReasoning(response)}`);
  if (response.text.trim() === "") throw new ResponseValidationError("response_empty", `The reply is empty.${describeReasoning(response)}`);
  if (isNoteEcho(response.text)) throw new ResponseValidationError("response_invalid", echoNote);
  return parse(response.text);
}

/** Says how much reasoning came in place of an answer. */
function describeReasoning({ text, reasoning = "" }: ModelResponse): string {
  return text.trim() === "" && reasoning !== "" ? ` ${reasoning.length} characters of reasoning came, and no answer.` : "";
}

function toInvalidResponseError(
  request: ModelRequest,
  response: ModelResponse,
  attempts: number,
  error: ResponseValidationError,
): InvalidResponseError {
  const advice = getAdvice(request, response, error);
  const attemptCount = `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`;
  const message = `the ${formatCaller(request.caller)} (${response.model}) gave no usable response in ${attemptCount}: ${error.message}${advice}`;
  return new InvalidResponseError(
    error.code,
    message,
    { caller: request.caller, model: response.model, attempts, rawText: response.text },
    { cause: error },
  );
}

function getAdvice({ settings }: ModelRequest, { text, reasoning }: ModelResponse, { code }: ResponseValidationError): string {
  const limit = `Raise maxOutputTokens (now ${settings.maxOutputTokens})`;
  if (text.trim() === "" && reasoning !== undefined) {
    const thinking = 'turn thinking off (for many models by extraBody {"chat_template_kwargs": {"enable_thinking": false}})';
    const parser = "start the server with the reasoning parser that fits the model, or with none (vLLM: --reasoning-parser)";
    return code === "response_truncated"
      ? ` ${limit}, or ${thinking}.`
      : ` The server takes the answer for reasoning, or the model never ended it: ${parser}, or ${thinking}, or raise maxOutputTokens (now ${settings.maxOutputTokens}).`;
  }
  return code === "response_truncated" ? ` ${limit} or choose a model that reasons less.` : "";
}
