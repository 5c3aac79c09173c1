import { type BaseMessage, HumanMessage, isAIMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";
import { MessagesZodMeta } from "@langchain/langgraph";
import { registry, withLangGraph } from "@langchain/langgraph/zod";
import { z } from "zod";

import { EarlyStop, Evolution, Turn, TurnUpdate, turnsReducer } from "./records.js";

/** Any array: LangGraph's reducer validates messages. `z.custom` has no JSON schema, so Studio would show no form for it. */
const messageList: z.ZodType<BaseMessage[], BaseMessage[]> = z.array(z.any());
const messagesMeta = { ...MessagesZodMeta, default: () => [] };
const messagesText = { title: "Messages", description: "The conversation: user messages are the instructions, assistant messages the responses." };
const messages = messageList.meta(messagesText).register(registry, messagesMeta);

const seedFields = {
  instruction: z
    .string()
    .nullable()
    .meta({ title: "Instruction", description: "The seed: the user's first message." })
    .register(registry, { default: () => null }),
  input: z
    .string()
    .nullable()
    .meta({ title: "Input", description: "Optional material for the instruction (Alpaca's `input`)." })
    .register(registry, { default: () => null }),
  system: z
    .string()
    .nullable()
    .meta({ title: "System prompt", description: "Optional system prompt of the conversation." })
    .register(registry, { default: () => null }),
};

/** An instruction that waits for human review. */
const PendingInstruction = z.object({ instruction: z.string(), evolution: Evolution });

const turnsText = { title: "Turns", description: "The record of every turn: origin of its instruction, reviews, verdict, calls." };

/**
 * State of the conversation graph.
 *
 * `messages` holds every text (user = instruction, assistant = response), `turns` everything else. The seed fields are set to
 * null once they have become messages.
 */
export const ConversationState = z.object({
  messages,
  ...seedFields,
  turns: withLangGraph<Turn[], TurnUpdate[], z.ZodArray<typeof Turn>>(z.array(Turn).meta(turnsText), {
    reducer: { schema: z.array(TurnUpdate).meta(turnsText), fn: turnsReducer },
    default: () => [],
  }),
  pendingInstruction: PendingInstruction.nullable()
    .meta({ title: "Pending instruction", description: "The next instruction while it waits for human review." })
    .register(registry, { default: () => null }),
  earlyStop: EarlyStop.nullable()
    .meta({ title: "Early stop", description: "Why the conversation stopped before its last turn; null if it did not." })
    .register(registry, { default: () => null }),
});
export type ConversationState = z.infer<typeof ConversationState>;

/** State update that a node returns. `turns` holds changes, which the reducer merges. */
export interface ConversationUpdate extends Partial<Omit<ConversationState, "turns">> {
  turns?: TurnUpdate[];
}

/**
 * Input of the conversation graph: `instruction` (optionally with `input` and `system`), or `messages` that end with a user message.
 *
 * A missing seed field becomes null, so that a rejected input leaves nothing behind in its thread.
 */
export const ConversationInput = z.object({
  messages: messageList.optional().meta(messagesText).register(registry, messagesMeta),
  instruction: seedFields.instruction.default(null),
  input: seedFields.input.default(null),
  system: seedFields.system.default(null),
});
export type ConversationInput = z.input<typeof ConversationInput>;

/** Output of the conversation graph. Join messages and turns with {@link getTurnsWithMessages}. */
export const ConversationOutput = ConversationState.pick({ messages: true, turns: true, earlyStop: true });
export type ConversationOutput = z.infer<typeof ConversationOutput>;

/** Input of one reviewer: the conversation up to the response, without other reviews. */
export const ReviewTask = z.object({
  /** Name in the panel. */
  reviewer: z.string(),
  turn: z.int(),
  evolution: Evolution,
  messages: z.custom<BaseMessage[]>(),
});
export type ReviewTask = z.infer<typeof ReviewTask>;

/**
 * Returns the turn in progress.
 *
 * @throws {RangeError} If no turn was started, i.e. the graph is wired incorrectly.
 */
export function getCurrentTurn(state: Pick<ConversationState, "turns">): Turn {
  const turn = state.turns.at(-1);
  if (!turn) throw new RangeError("no turn was started yet");
  return turn;
}

/** Counts the turns since the newest seed. A new seed on the same thread restarts the count. */
export function countTurnsSinceSeed(state: Pick<ConversationState, "turns">): number {
  return state.turns.length - state.turns.findLastIndex((turn) => turn.evolution === "seed");
}

/** Returns the update that starts the next turn: a user message and an empty record. */
export function startTurn(
  state: Pick<ConversationState, "turns">,
  instruction: string,
  evolution: Evolution,
): Required<Pick<ConversationUpdate, "messages" | "turns" | "pendingInstruction">> {
  return {
    messages: [new HumanMessage(instruction)],
    turns: [{ turn: state.turns.length + 1, evolution }],
    pendingInstruction: null,
  };
}

/** A message as role and text. */
export interface ConversationMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Converts LangChain messages to roles and texts. Leaves out other kinds of message, such as tool messages. */
export function toConversationMessages(history: readonly BaseMessage[]): ConversationMessage[] {
  return history.flatMap((message): ConversationMessage[] => {
    const role = isSystemMessage(message) ? "system" : isHumanMessage(message) ? "user" : isAIMessage(message) ? "assistant" : null;
    return role === null ? [] : [{ role, content: message.text }];
  });
}

/** A turn with its two texts. */
export interface TurnWithMessages extends Turn {
  readonly instruction: string;
  /** Null while the candidate has not responded. */
  readonly response: string | null;
}

/** Joins the record of every turn with its instruction and response from `messages`, in the order of the turns. */
export function getTurnsWithMessages(state: Pick<ConversationState, "messages" | "turns">): TurnWithMessages[] {
  const messages = toConversationMessages(state.messages);
  const userIndexes = messages.flatMap((message, index) => (message.role === "user" ? [index] : []));
  return state.turns.map((turn) => {
    const index = userIndexes[turn.userMessageIndex] ?? -1;
    const next = messages[index + 1];
    return { ...turn, instruction: messages[index]?.content ?? "", response: next?.role === "assistant" ? next.content : null };
  });
}
