import { interrupt } from "@langchain/langgraph";
import { z } from "zod";

import { type ConversationState, type ConversationUpdate, currentTurn, openTurn } from "../state/conversation.js";
import { type NodeRuntime, emit } from "./runtime.js";

/** What a person answers to the pause: `{ "action": "accept" }`, `{ "action": "edit", "instruction": "..." }` or `{ "action": "end" }`. */
export const HumanDecision = z.discriminatedUnion("action", [
  z.object({ action: z.literal("accept") }),
  z.object({ action: z.literal("edit"), instruction: z.string().trim().min(1) }),
  z.object({ action: z.literal("end"), detail: z.string().optional() }),
]);
export type HumanDecision = z.infer<typeof HumanDecision>;

/**
 * Waits for a person's word on the next instruction. A node of its own, since an interrupted node starts over on resume and
 * no paid call may stand before the pause.
 */
export function createHumanReview() {
  return (state: ConversationState, runtime: NodeRuntime): ConversationUpdate => {
    const { proposal } = state;
    if (!proposal) throw new RangeError("no instruction waits for a person");
    const { turn, verdict, reviews } = currentTurn(state);
    const answer: unknown = interrupt(
      {
        question: "Accept, edit or end?",
        turn: turn + 1,
        ...proposal,
        verdict,
        critiques: reviews.map(({ reviewer, critique }) => ({ reviewer, critique })),
      },
      { responseSchema: HumanDecision },
    );
    const decision = HumanDecision.parse(answer);
    if (decision.action === "end") {
      const endedEarly = { reason: "ended_by_person" as const, detail: decision.detail ?? "A person ended the conversation here." };
      emit(runtime, { type: "ended_early", turn, ...endedEarly });
      return { proposal: null, endedEarly };
    }
    const instruction = decision.action === "edit" ? decision.instruction : proposal.instruction;
    emit(runtime, { type: "instruction", turn: turn + 1, evolution: proposal.evolution, instruction });
    return openTurn(state, instruction, proposal.evolution);
  };
}
