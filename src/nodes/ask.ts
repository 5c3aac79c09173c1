import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";

import { ModelCallError, ReplyError } from "../errors.js";
import { ReplyFault } from "../prompts/reply.js";
import type { CallUsage } from "../state/records.js";
import type { ModelAccess, ModelReply, ModelRequest } from "./model-access.js";

/** A usable value (with the id that its message was streamed under) or the reason why there is none, and the calls that it took either way. */
export type Asked<T> =
  | { readonly calls: CallUsage[]; readonly value: T; readonly messageId?: string }
  | { readonly calls: CallUsage[]; readonly error: ReplyError | ModelCallError };

export interface AskOptions<T> {
  /** Throws `ReplyFault` for a reply that cannot be used. */
  readonly parse: (text: string) => T;
  /** Most replies to ask for, the first included. */
  readonly attempts: number;
}

/**
 * Asks until the reply can be used: a faulty one goes back to the model with its fault named, at most `attempts` times. A
 * refusal is final, and so is a call that failed. Other errors (abort, budget, shutdown) are thrown.
 */
export async function ask<T>(models: ModelAccess, request: ModelRequest, options: AskOptions<T>, config: RunnableConfig): Promise<Asked<T>> {
  const calls: CallUsage[] = [];
  let messages = request.messages;
  for (;;) {
    const reply = await models({ ...request, messages }, config).catch(failedCall);
    if (reply instanceof ModelCallError) return { calls, error: reply };
    calls.push(usageOf(request, reply));
    try {
      return { calls, value: read(reply, options.parse), messageId: reply.messageId };
    } catch (fault) {
      if (!(fault instanceof ReplyFault)) throw fault;
      await reply.discard?.();
      if (fault.code === "reply_refused" || calls.length >= options.attempts)
        return { calls, error: replyError(request, reply, calls.length, fault) };
      messages = [...request.messages, ...correction(reply, fault)];
    }
  }
}

function failedCall(error: unknown): ModelCallError {
  if (error instanceof ModelCallError) return error;
  throw error;
}

function usageOf({ role, reviewer }: ModelRequest, { model, usage, runId, cached }: ModelReply): CallUsage {
  return { role, ...(reviewer !== undefined && { reviewer }), model, ...usage, ...(runId !== undefined && { runId }), ...(cached && { cached }) };
}

function read<T>(reply: ModelReply, parse: (text: string) => T): T {
  if (reply.finish === "refusal") throw new ReplyFault("reply_refused", "The model refused to answer.");
  if (reply.finish === "length")
    throw new ReplyFault("reply_truncated", "The reply was cut off at the output limit. Reply again in full, more briefly.");
  if (reply.text.trim() === "") throw new ReplyFault("reply_empty", "The reply is empty.");
  return parse(reply.text);
}

/** An empty reply is simply asked for again: endpoints reject empty assistant messages and two user messages in a row. */
function correction(reply: ModelReply, fault: ReplyFault): BaseMessage[] {
  if (reply.text.trim() === "") return [];
  return [new AIMessage(reply.text), new HumanMessage(`${fault.message}\n\nReply to the request above once more, in the form it asks for.`)];
}

function replyError(request: ModelRequest, reply: ModelReply, attempts: number, fault: ReplyFault): ReplyError {
  const who = request.reviewer === undefined ? `the ${request.role}` : `reviewer "${request.reviewer}"`;
  const advice =
    fault.code === "reply_truncated" ? ` Raise outputLimit (now ${request.settings.outputLimit}) or choose a model that thinks less.` : "";
  const message = `${who} (${reply.model}) gave no usable reply in ${attempts} ${attempts === 1 ? "attempt" : "attempts"}: ${fault.message}${advice}`;
  return new ReplyError(fault.code, message, { role: request.role, model: reply.model, attempts, rawText: reply.text }, { cause: fault });
}
