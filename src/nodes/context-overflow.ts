import { RemoveMessage } from "@langchain/core/messages";
import { REMOVE_ALL_MESSAGES } from "@langchain/langgraph";

import { ModelCallError } from "../errors.js";
import type { ConversationState, ConversationUpdate } from "../state/conversation.js";
import type { CallUsage, EarlyStop, Turn } from "../state/records.js";
import { type NodeRuntime, emit } from "./runtime.js";

/** Returns true for the error of a call whose prompt does not fit the model's context. */
export function isContextOverflow(error: Error): error is ModelCallError {
  return error instanceof ModelCallError && error.code === "model_context_overflow";
}

/**
 * Ends a conversation that no longer fits a model's context, and emits the event.
 *
 * @param turn The last turn that stays.
 */
export function stopAtContextOverflow(runtime: NodeRuntime, turn: number, message: string): EarlyStop {
  const earlyStop = { reason: "context_overflow" as const, message };
  emit(runtime, { type: "early_stop", turn, ...earlyStop });
  return earlyStop;
}

/**
 * Returns the update that ends a conversation before its newest instruction, which the candidate cannot answer.
 *
 * The instruction and its turn are removed, and the calls that were made for them are counted with the turn before.
 *
 * @returns Null in the first turn after a seed, where nothing would be left.
 */
export function dropUnansweredTurn(
  { messages, turns }: Pick<ConversationState, "messages" | "turns">,
  runtime: NodeRuntime,
  error: ModelCallError,
  calls: CallUsage[],
): ConversationUpdate | null {
  const [previous, unanswered] = turns.slice(-2);
  if (!previous || !unanswered || isFirstTurn(unanswered)) return null;
  return {
    messages: [new RemoveMessage({ id: REMOVE_ALL_MESSAGES }), ...messages.slice(0, -1)],
    turns: [
      { turn: previous.turn, calls },
      { turn: unanswered.turn, dropped: true },
    ],
    earlyStop: stopAtContextOverflow(runtime, previous.turn, error.message),
  };
}

/**
 * Returns true if a verdict can never be reached because the conversation no longer fits enough reviewers' contexts.
 *
 * False in the first turn after a seed: a conversation without any review is none of this kind.
 */
export function hasOutgrownPanel(turn: Turn, panelSize: number, quorum: number): boolean {
  const overflows = turn.abstentions.filter(({ code }) => code === "model_context_overflow").length;
  return !isFirstTurn(turn) && panelSize - overflows < quorum;
}

function isFirstTurn({ evolution }: Turn): boolean {
  return evolution === "seed";
}
