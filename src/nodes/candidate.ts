import { AIMessage } from "@langchain/core/messages";

import { candidateMessages, candidatePromptVersion, parseAnswer } from "../prompts/candidate.js";
import { type ConversationState, type ConversationUpdate, currentTurn } from "../state/conversation.js";
import { modelFor } from "../state/settings.js";
import { ask } from "./ask.js";
import type { ModelAccess } from "./model-access.js";
import { type NodeRuntime, callConfig, emit, settingsOf } from "./runtime.js";

/** Most replies asked of a role whose reply cannot be used. */
export const replyAttempts = 3;

/** Answers the newest instruction with the whole conversation in view. A reply that stays unusable fails the turn (`ReplyError`). */
export function createCandidate(models: ModelAccess) {
  return async (state: ConversationState, runtime: NodeRuntime): Promise<ConversationUpdate> => {
    const settings = settingsOf(runtime);
    const { turn, evolution } = currentTurn(state);
    const model = modelFor(settings, settings.candidate);
    const asked = await ask(
      models,
      { role: "candidate", settings: model, messages: candidateMessages(settings, state.messages) },
      { parse: parseAnswer, attempts: replyAttempts },
      callConfig(runtime, { role: "candidate", turn, evolution, model: model.model, promptVersion: candidatePromptVersion }),
    );
    if ("error" in asked) throw asked.error;
    emit(runtime, { type: "response", turn, response: asked.value });
    return { messages: [new AIMessage({ content: asked.value, id: freeId(asked.messageId, state) })], turns: [{ turn, calls: asked.calls }] };
  };
}

/** The id that the answer was streamed under, so that a watcher does not take it for two; an id that a message has would replace it. */
function freeId(id: string | undefined, { messages }: Pick<ConversationState, "messages">): string | undefined {
  return messages.some((message) => message.id === id) ? undefined : id;
}
