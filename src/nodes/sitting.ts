import { type BaseMessage, isAIMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";

import { InputError } from "../errors.js";
import { type ConversationUpdate, currentTurn } from "../state/conversation.js";
import type { PanelInput, PanelOutput, SittingState } from "../state/panel.js";

/**
 * Opens a turn for the last answer of any conversation. Reviewers take the instruction to stand right before the answer, so
 * the steps on the way are left out: tools, calls of tools, empty messages, drafts after the instruction. Turns are counted
 * by user messages. Throws `InputError` where there is no answer to review.
 */
export function openSitting({ messages }: PanelInput): Required<Pick<ConversationUpdate, "messages" | "turns">> {
  const spoken = messages.filter(isSpoken);
  const asked = spoken.findLastIndex(isHumanMessage);
  const instruction = spoken[asked];
  const answer = spoken.at(-1);
  if (!instruction || !answer || !isAIMessage(answer))
    throw new InputError("nothing to review: `messages` must end with the assistant's answer to a user message", { field: "messages" });
  const rulesInBetween = spoken.slice(asked).filter(isSystemMessage);
  const turn = spoken.filter(isHumanMessage).length;
  return {
    messages: [...spoken.slice(0, asked), ...rulesInBetween, instruction, answer],
    turns: [{ turn, position: turn - 1, evolution: turn === 1 ? "seed" : "follow_up" }],
  };
}

function isSpoken(message: BaseMessage): boolean {
  if (message.text.trim() === "") return false;
  if (isAIMessage(message)) return !message.tool_calls?.length;
  return isHumanMessage(message) || isSystemMessage(message);
}

/** What a finished sitting came to. */
export function outcomeOf(state: Pick<SittingState, "turns">): PanelOutput {
  const { turn, reviews, abstentions, verdict } = currentTurn(state);
  if (verdict === null) throw new RangeError(`turn ${turn} was not ruled on`);
  return { reviews, abstentions, verdict };
}
