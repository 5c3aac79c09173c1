import { ReplyError } from "../errors.js";
import { chairmanMessages, chairmanPromptVersion, instructionReplySchema, parseInstruction } from "../prompts/chairman.js";
import { type ConversationState, type ConversationUpdate, currentTurn, dialogueOf, openTurn } from "../state/conversation.js";
import type { Evolution, Turn } from "../state/records.js";
import { type Settings, modelFor } from "../state/settings.js";
import { ask } from "./ask.js";
import type { ModelAccess } from "./model-access.js";
import { type NodeRuntime, callConfig, emit, settingsOf } from "./runtime.js";

/** Decides where the next instruction goes, from the turn just reviewed. */
export type EvolutionPolicy = (turn: Turn, settings: Settings) => Exclude<Evolution, "seed">;

/** The paper's rule: a positive verdict widens, a negative one digs; without reviews the conversation just goes on. */
export const followTheVerdict: EvolutionPolicy = ({ verdict }) => {
  if (verdict === null) return "follow_up";
  return verdict === "positive" ? "breadth" : "depth";
};

/** An instruction that cannot be used is asked for once more. */
const instructionAttempts = 2;

/**
 * Writes the next instruction from the conversation and every review. When none can be had, the conversation ends here,
 * valid as it is, with the reason on record.
 */
export function createChairman(models: ModelAccess, policy: EvolutionPolicy = followTheVerdict) {
  return async (state: ConversationState, runtime: NodeRuntime): Promise<ConversationUpdate> => {
    const settings = settingsOf(runtime);
    const reviewed = currentTurn(state);
    const { turn, reviews, verdict } = reviewed;
    const evolution = policy(reviewed, settings);
    const dialogue = dialogueOf(state.messages);
    const model = modelFor(settings, settings.chairman);
    const asked = await ask(
      models,
      {
        role: "chairman",
        settings: model,
        messages: chairmanMessages(settings, { dialogue, reviews, verdict, evolution }),
        reply: instructionReplySchema,
      },
      { parse: (text) => parseInstruction(text, dialogue), attempts: instructionAttempts },
      callConfig(runtime, { role: "chairman", turn, evolution, model: model.model, promptVersion: chairmanPromptVersion }),
    );
    const paid = { turn, calls: asked.calls };
    if ("error" in asked) {
      if (!(asked.error instanceof ReplyError)) throw asked.error;
      const endedEarly = { reason: "no_new_instruction" as const, detail: asked.error.message };
      emit(runtime, { type: "ended_early", turn, ...endedEarly });
      return { turns: [paid], endedEarly };
    }
    if (settings.humanReview) return { turns: [paid], proposal: { instruction: asked.value, evolution } };
    emit(runtime, { type: "instruction", turn: turn + 1, evolution, instruction: asked.value });
    const opened = openTurn(state, asked.value, evolution);
    return { ...opened, turns: [paid, ...opened.turns] };
  };
}
