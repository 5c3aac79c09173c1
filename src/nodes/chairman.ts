import { InvalidResponseError } from "../errors.js";
import { callWithRepair } from "../model-calls/call-with-repair.js";
import type { CallModel } from "../model-calls/model-call.js";
import { buildChairmanPrompt, chairmanPromptVersion, instructionResponseSchema, parseInstruction } from "../prompts/chairman.js";
import { type ConversationState, type ConversationUpdate, getCurrentTurn, startTurn, toConversationMessages } from "../state/conversation.js";
import type { Evolution, Turn } from "../state/records.js";
import type { ResolvedSettings } from "../state/resolve-settings.js";
import { isContextOverflow, stopAtContextOverflow } from "./context-overflow.js";
import { type NodeRuntime, emit, getCallConfig, getSettings } from "./runtime.js";

/** Decides the direction of the next instruction from the turn just reviewed. */
export type EvolutionPolicy = (turn: Turn, settings: ResolvedSettings) => Exclude<Evolution, "seed">;

/** The paper's rule: a positive verdict leads to breadth, a negative one to depth, no verdict to a follow-up. */
export const defaultEvolutionPolicy: EvolutionPolicy = ({ verdict }) => {
  if (verdict === null) return "follow_up";
  return verdict === "positive" ? "breadth" : "depth";
};

/** Maximum number of instructions requested per turn. */
const maxInstructionAttempts = 2;

const caller = { name: "chairman" };

/**
 * Creates the node that writes the next instruction from the conversation and every review.
 *
 * When no valid instruction arrives, or the conversation no longer fits the model's context, it stops here, valid as it is, with
 * the reason in `earlyStop`.
 */
export function createChairmanNode(callModel: CallModel, policy: EvolutionPolicy = defaultEvolutionPolicy) {
  return async (state: ConversationState, runtime: NodeRuntime): Promise<ConversationUpdate> => {
    const settings = getSettings(runtime);
    const reviewedTurn = getCurrentTurn(state);
    const { turn, reviews, verdict } = reviewedTurn;
    const evolution = policy(reviewedTurn, settings);
    const messages = toConversationMessages(state.messages);
    const { model } = settings.chairman;
    const result = await callWithRepair(
      callModel,
      {
        caller,
        settings: settings.chairman,
        messages: buildChairmanPrompt(settings, { messages, reviews, verdict, evolution }),
        responseFormat: instructionResponseSchema,
      },
      { parse: (text) => parseInstruction(text, messages), maxAttempts: maxInstructionAttempts },
      getCallConfig(runtime, { caller, turn, evolution, model, promptVersion: chairmanPromptVersion }),
    );
    const usageUpdate = { turn, calls: result.calls };
    if ("error" in result) {
      if (isContextOverflow(result.error)) {
        return { turns: [usageUpdate], earlyStop: stopAtContextOverflow(runtime, turn, result.error.message) };
      }
      if (!(result.error instanceof InvalidResponseError)) throw result.error;
      const earlyStop = { reason: "no_valid_instruction" as const, message: result.error.message };
      emit(runtime, { type: "early_stop", turn, ...earlyStop });
      return { turns: [usageUpdate], earlyStop };
    }
    if (settings.humanReview) return { turns: [usageUpdate], pendingInstruction: { instruction: result.value, evolution } };
    emit(runtime, { type: "instruction", turn: turn + 1, evolution, instruction: result.value });
    const nextTurn = startTurn(state, result.value, evolution);
    return { ...nextTurn, turns: [usageUpdate, ...nextTurn.turns] };
  };
}
