import { type BaseMessage, isAIMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";

import { InputError } from "../errors.js";
import { type ConversationState, type ConversationUpdate, getCurrentTurn } from "../state/conversation.js";
import type { PanelInput, PanelOutput } from "../state/panel.js";

/**
 * Selects the messages to review: the conversation up to the last instruction, and the last response to it.
 *
 * Leaves out tool messages, tool calls, empty messages, and drafts between instruction and response.
 *
 * @throws {InputError} If the conversation does not end with an assistant's response to a user message.
 */
export function selectReviewableMessages({ messages }: PanelInput): BaseMessage[] {
  const reviewable = messages.filter(isReviewable);
  const instructionIndex = reviewable.findLastIndex(isHumanMessage);
  const instruction = reviewable[instructionIndex];
  const response = reviewable.at(-1);
  if (!instruction || !response || !isAIMessage(response)) {
    throw new InputError("nothing to review: `messages` must end with the assistant's answer to a user message", { field: "messages" });
  }
  const systemMessages = reviewable.slice(instructionIndex).filter(isSystemMessage);
  return [...reviewable.slice(0, instructionIndex), ...systemMessages, instruction, response];
}

/** Starts the record of a review. Turns are counted by user messages. */
export function startReview(state: PanelInput): Required<Pick<ConversationUpdate, "turns">> {
  const turn = selectReviewableMessages(state).filter(isHumanMessage).length;
  return { turns: [{ turn, userMessageIndex: turn - 1, evolution: turn === 1 ? "seed" : "follow_up" }] };
}

/** Returns the panel's output from the record of the finished review. */
export function finishReview(state: Pick<ConversationState, "turns">): PanelOutput {
  const { turn, reviews, abstentions, verdict } = getCurrentTurn(state);
  if (verdict === null) throw new RangeError(`turn ${turn} has no verdict`);
  return { reviews, abstentions, verdict };
}

function isReviewable(message: BaseMessage): boolean {
  if (message.text.trim() === "") return false;
  if (isAIMessage(message)) return !message.tool_calls?.length;
  return isHumanMessage(message) || isSystemMessage(message);
}
