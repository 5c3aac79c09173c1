import { type BaseMessage, isAIMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";
import { z } from "zod";

import { InputError } from "../errors.js";
import { ConversationState, type ConversationUpdate, currentTurn } from "./conversation.js";
import { Abstention, Review } from "./records.js";
import { VerdictSide } from "./settings.js";

/** What the panel works on: a conversation and the turn that is under review. */
export const SittingState = ConversationState.pick({ messages: true, turns: true });
export type SittingState = z.infer<typeof SittingState>;

/** A conversation that ends with the assistant's answer. */
export const PanelInput = ConversationState.pick({ messages: true });
export type PanelInput = z.infer<typeof PanelInput>;

/** Reviews of the last answer, who abstained, and the verdict. They take the place of what an earlier sitting left. */
export const PanelOutput = z.object({
  reviews: z.array(Review).meta({ title: "Reviews", description: "What each reviewer says of the last answer." }),
  abstentions: z.array(Abstention).meta({ title: "Abstentions", description: "Reviewers that could not review, and why." }),
  verdict: VerdictSide.meta({ title: "Verdict", description: "The side that most reviews are on." }),
});
export type PanelOutput = z.infer<typeof PanelOutput>;

/** All that a host graph may share with the panel. */
export const PanelState = PanelInput.extend(PanelOutput.shape);
export type PanelState = z.infer<typeof PanelState>;

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
    turns: [{ turn, evolution: turn === 1 ? "seed" : "follow_up" }],
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
