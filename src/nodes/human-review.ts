import { interrupt } from "@langchain/langgraph";
import { z } from "zod";

import { type ConversationState, type ConversationUpdate, getCurrentTurn, startTurn } from "../state/conversation.js";
import { type NodeRuntime, emit } from "./runtime.js";

/** Answer to the interrupt: `{ "action": "accept" }`, `{ "action": "edit", "instruction": "..." }` or `{ "action": "end" }`. */
export const HumanDecision = z.discriminatedUnion("action", [
  z.object({ action: z.literal("accept") }),
  z.object({ action: z.literal("edit"), instruction: z.string().trim().min(1) }),
  z.object({ action: z.literal("end"), message: z.string().optional() }),
]);
export type HumanDecision = z.infer<typeof HumanDecision>;

/**
 * Creates the node that interrupts until a person has decided on the next instruction.
 *
 * An interrupted node runs again from its start on resume, so this one makes no model call.
 */
export function createHumanReviewNode() {
  return (state: ConversationState, runtime: NodeRuntime): ConversationUpdate => {
    const { pendingInstruction } = state;
    if (!pendingInstruction) throw new RangeError("no instruction waits for human review");
    const { turn, verdict, reviews } = getCurrentTurn(state);
    const response: unknown = interrupt(
      {
        prompt: "Accept, edit or end?",
        turn: turn + 1,
        ...pendingInstruction,
        verdict,
        critiques: reviews.map(({ reviewer, critique }) => ({ reviewer, critique })),
      },
      { responseSchema: HumanDecision },
    );
    const decision = HumanDecision.parse(response);
    if (decision.action === "end") {
      const earlyStop = { reason: "stopped_by_human" as const, message: decision.message ?? "A person ended the conversation here." };
      emit(runtime, { type: "early_stop", turn, ...earlyStop });
      return { pendingInstruction: null, earlyStop };
    }
    const { evolution } = pendingInstruction;
    const instruction = decision.action === "edit" ? decision.instruction : pendingInstruction.instruction;
    emit(runtime, { type: "instruction", turn: turn + 1, evolution, instruction });
    return startTurn(state, instruction, evolution);
  };
}
