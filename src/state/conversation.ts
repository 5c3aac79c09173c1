import { type BaseMessage, HumanMessage, isAIMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";
import { MessagesZodMeta } from "@langchain/langgraph";
import { registry, withLangGraph } from "@langchain/langgraph/zod";
import { z } from "zod";

import { EarlyEnding, Evolution, Turn, TurnUpdate, recordTurns } from "./records.js";
import { ReviewerSettings } from "./settings.js";

/** LangGraph's reducer coerces and checks messages itself. Not `z.custom`, which has no JSON schema and so no form in Studio. */
const messageList: z.ZodType<BaseMessage[], BaseMessage[]> = z.array(z.any());
const messagesMeta = { ...MessagesZodMeta, default: () => [] };
const messagesText = { title: "Messages", description: "The conversation: user messages are the instructions, assistant messages the responses." };
const messages = messageList.meta(messagesText).register(registry, messagesMeta);

const seedFields = {
  instruction: z
    .string()
    .nullable()
    .meta({ title: "Instruction", description: "The seed: what the user asks first." })
    .register(registry, { default: () => null }),
  input: z
    .string()
    .nullable()
    .meta({ title: "Input", description: "Optional material the instruction works on (Alpaca's `input`)." })
    .register(registry, { default: () => null }),
  system: z
    .string()
    .nullable()
    .meta({ title: "System prompt", description: "Optional system prompt of the conversation." })
    .register(registry, { default: () => null }),
};

/** An instruction that waits for a person's word. */
const Proposal = z.object({ instruction: z.string(), evolution: Evolution });
export type Proposal = z.infer<typeof Proposal>;

const turnsText = { title: "Turns", description: "The record of every turn: where its instruction came from, reviews, verdict, calls." };

/**
 * What the graph remembers. `messages` is the conversation (user = instruction, assistant = response); `turns` holds what
 * the messages do not say. The seed fields are emptied once they have become messages.
 */
export const ConversationState = z.object({
  messages,
  ...seedFields,
  turns: withLangGraph<Turn[], TurnUpdate[], z.ZodArray<typeof Turn>>(z.array(Turn).meta(turnsText), {
    reducer: { schema: z.array(TurnUpdate).meta(turnsText), fn: recordTurns },
    default: () => [],
  }),
  proposal: Proposal.nullable()
    .meta({ title: "Proposed instruction", description: "The next instruction, while it waits for a person's word." })
    .register(registry, { default: () => null }),
  endedEarly: EarlyEnding.nullable()
    .meta({ title: "Ended early", description: "Why the conversation stopped before its last turn; null where it did not." })
    .register(registry, { default: () => null }),
});
export type ConversationState = z.infer<typeof ConversationState>;

/** What a node may change. */
export interface ConversationUpdate extends Partial<Omit<ConversationState, "turns">> {
  turns?: TurnUpdate[];
}

/**
 * Either `instruction` (with `input` and `system` where wanted) or `messages` whose last one is the user's. A seed field that
 * is left out counts as null, so that nothing of an input that was refused lives on in its thread.
 */
export const ConversationInput = z.object({
  messages: messageList.optional().meta(messagesText).register(registry, messagesMeta),
  instruction: seedFields.instruction.default(null),
  input: seedFields.input.default(null),
  system: seedFields.system.default(null),
});
export type ConversationInput = z.input<typeof ConversationInput>;

/** The conversation and its record. */
export const ConversationOutput = ConversationState.pick({ messages: true, turns: true, endedEarly: true });
export type ConversationOutput = z.infer<typeof ConversationOutput>;

/** What one reviewer is sent: the conversation up to the answer, and nothing of what others think of it. */
export const ReviewTask = z.object({
  reviewer: ReviewerSettings,
  turn: z.int(),
  evolution: Evolution,
  messages: z.custom<BaseMessage[]>(),
});
export type ReviewTask = z.infer<typeof ReviewTask>;

/** The turn that is under way. Throws where none was opened, which is a fault of the wiring. */
export function currentTurn(state: Pick<ConversationState, "turns">): Turn {
  const turn = state.turns.at(-1);
  if (!turn) throw new RangeError("no turn was opened yet");
  return turn;
}

/** Turns since the newest seed: a thread that is taken up again with a new message counts anew. */
export function turnsSinceSeed(state: Pick<ConversationState, "turns">): number {
  return state.turns.length - state.turns.findLastIndex((turn) => turn.evolution === "seed");
}

/** What opening a turn changes: the instruction joins the conversation, the record gets a new entry. */
export function openTurn(
  state: Pick<ConversationState, "turns">,
  instruction: string,
  evolution: Evolution,
): Required<Pick<ConversationUpdate, "messages" | "turns" | "proposal">> {
  return {
    messages: [new HumanMessage(instruction)],
    turns: [{ turn: state.turns.length + 1, evolution }],
    proposal: null,
  };
}

/** A message as role and text. */
export interface DialogueLine {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Messages as plain lines in the words of every export format. Other kinds of message are passed over. */
export function dialogueOf(history: readonly BaseMessage[]): DialogueLine[] {
  return history.flatMap((message): DialogueLine[] => {
    const role = isSystemMessage(message) ? "system" : isHumanMessage(message) ? "user" : isAIMessage(message) ? "assistant" : null;
    return role === null ? [] : [{ role, content: message.text }];
  });
}

/** A turn with the two texts that it consists of. */
export interface FullTurn extends Turn {
  readonly instruction: string;
  /** Null while the candidate has not answered. */
  readonly response: string | null;
}

/** Joins the record of every turn with its instruction and response out of the conversation. */
export function fullTurns(state: Pick<ConversationState, "messages" | "turns">): FullTurn[] {
  const lines = dialogueOf(state.messages);
  const asked = lines.flatMap((line, index) => (line.role === "user" ? [index] : []));
  return state.turns.map((turn) => {
    const at = asked[turn.position] ?? -1;
    const next = lines[at + 1];
    return { ...turn, instruction: lines[at]?.content ?? "", response: next?.role === "assistant" ? next.content : null };
  });
}
