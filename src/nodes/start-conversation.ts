import { type BaseMessage, HumanMessage, RemoveMessage, SystemMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";
import { REMOVE_ALL_MESSAGES } from "@langchain/langgraph";

import { InputError } from "../errors.js";
import type { ConversationState, ConversationUpdate } from "../state/conversation.js";
import { type NodeRuntime, emit } from "./runtime.js";

/**
 * Creates the node that starts the first turn.
 *
 * Converts the seed (`instruction`, `input`, `system`) to messages, or uses the last user message of a given conversation as
 * the instruction. The node throws `InputError` when there is no instruction.
 */
export function createStartNode() {
  return (state: ConversationState, runtime: NodeRuntime): ConversationUpdate => {
    const newMessages = toInstructionMessages(state);
    const history = [...state.messages, ...newMessages];
    const last = history.at(-1);
    if (!last || !isHumanMessage(last) || last.text.trim() === "") {
      throw new InputError("nothing to ask: give `instruction`, or `messages` that end with a non-empty user message", { field: "instruction" });
    }
    const turn = state.turns.length + 1;
    emit(runtime, { type: "instruction", turn, evolution: "seed", instruction: last.text });
    const messages = prependSystemMessage(history, state.system);
    return {
      messages: messages === history ? newMessages : [new RemoveMessage({ id: REMOVE_ALL_MESSAGES }), ...messages],
      instruction: null,
      input: null,
      system: null,
      turns: [{ turn, userMessageIndex: history.filter(isHumanMessage).length - 1, evolution: "seed" as const }],
      pendingInstruction: null,
      earlyStop: null,
    };
  };
}

function toInstructionMessages(state: ConversationState): BaseMessage[] {
  const instruction = state.instruction?.trim() ?? "";
  const input = state.input?.trim() ?? "";
  if (instruction === "") {
    if (input !== "")
      throw new InputError("`input` without `instruction`: give an `instruction` that says what to do with the input", { field: "input" });
    return [];
  }
  const last = state.messages.at(-1);
  if (last && isHumanMessage(last)) {
    throw new InputError("`instruction` after `messages` that already end with a user message: leave out one of the two", {
      field: "instruction",
    });
  }
  return [new HumanMessage(input === "" ? instruction : `${instruction}\n\n${input}`)];
}

/** Prepends the system prompt unless the conversation has it already. */
function prependSystemMessage(history: BaseMessage[], system: string | null): BaseMessage[] {
  const systemPrompt = system?.trim() ?? "";
  if (systemPrompt === "") return history;
  const existing = history.find(isSystemMessage);
  if (!existing) return [new SystemMessage(systemPrompt), ...history];
  if (existing.text.trim() === systemPrompt) return history;
  throw new InputError("`messages` already have another system message: change that one, or leave out `system`", { field: "system" });
}
