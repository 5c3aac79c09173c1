import { AIMessage } from "@langchain/core/messages";

import { callWithRepair } from "../model-calls/call-with-repair.js";
import type { CallModel } from "../model-calls/model-call.js";
import { buildCandidatePrompt, candidatePromptVersion, parseAnswer } from "../prompts/candidate.js";
import { type ConversationState, type ConversationUpdate, getCurrentTurn } from "../state/conversation.js";
import { dropUnansweredTurn, isContextOverflow } from "./context-overflow.js";
import { type NodeRuntime, emit, getCallConfig, getSettings } from "./runtime.js";

/** Maximum number of responses requested from a role whose response cannot be used. */
export const maxResponseAttempts = 3;

const caller = { name: "candidate" };

/**
 * Creates the node that answers the newest instruction with the whole conversation in view.
 *
 * The node throws `InvalidResponseError` when no response can be used. A conversation that no longer fits the model's context
 * ends with its last response, with the reason in `earlyStop`; in the first turn that is an error, too.
 */
export function createCandidateNode(callModel: CallModel) {
  return async (state: ConversationState, runtime: NodeRuntime): Promise<ConversationUpdate> => {
    const settings = getSettings(runtime);
    const { turn, evolution } = getCurrentTurn(state);
    const { model } = settings.candidate;
    const result = await callWithRepair(
      callModel,
      { caller, settings: settings.candidate, messages: buildCandidatePrompt(settings, state.messages) },
      { parse: parseAnswer, maxAttempts: maxResponseAttempts },
      getCallConfig(runtime, { caller, turn, evolution, model, promptVersion: candidatePromptVersion }),
    );
    if ("error" in result) {
      const ending = isContextOverflow(result.error) ? dropUnansweredTurn(state, runtime, result.error, result.calls) : null;
      if (ending) return ending;
      throw result.error;
    }
    emit(runtime, { type: "response", turn, response: result.value });
    return {
      messages: [new AIMessage({ content: result.value, id: getUnusedMessageId(result.messageId, state) })],
      turns: [{ turn, calls: result.calls, ...(settings.keepReasoning && { reasoning: result.reasoning ?? "" }) }],
    };
  };
}

/** Keeps the id that the response was streamed under, so that clients show it once. A used id would replace that message. */
function getUnusedMessageId(id: string | undefined, { messages }: Pick<ConversationState, "messages">): string | undefined {
  return messages.some((message) => message.id === id) ? undefined : id;
}
