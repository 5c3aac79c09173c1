import { z } from "zod";

import { type ConversationState, toConversationMessages } from "../state/conversation.js";
import { EarlyStop, Turn } from "../state/records.js";

const message = z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() });

/** One line of `conversations.jsonl`: a finished conversation with its full record. */
export const ConversationRow = z
  .object({
    id: z.uuid().meta({ description: "Id of the conversation and of its thread: the same for the same seed, position in the file and settings." }),
    seed: z.object({
      index: z.int().min(0).meta({ description: "Position in the seed file, from 0, invalid rows counted." }),
      instruction: z.string().optional(),
      input: z.string().optional(),
      system: z.string().optional(),
      messages: z.array(message).optional().meta({ description: "Instead of an instruction: the conversation to continue." }),
    }),
    messages: z.array(message).meta({ description: "The conversation: user messages are the instructions, assistant messages the responses." }),
    turns: z.array(Turn).meta({ description: "The record of the generated turns: the last ones of the conversation, in order." }),
    earlyStop: EarlyStop.nullable().meta({ description: "Why the conversation stopped before its last turn; null if it did not." }),
    models: z.object({ candidate: z.string(), chairman: z.string(), reviewers: z.record(z.string(), z.string()) }),
    prompts: z.object({ candidate: z.string(), reviewer: z.string(), chairman: z.string() }).meta({ description: "Versions of the prompts." }),
    fingerprint: z.string().meta({ description: "Digest of settings, models and prompts." }),
    usage: z.object({
      calls: z.int(),
      inputTokens: z.int().nullable().meta({ description: "Null if an endpoint did not report its tokens." }),
      outputTokens: z.int().nullable(),
    }),
  })
  .meta({ title: "Review-Instruct conversation", description: "A row of conversations.jsonl." });
export type ConversationRow = z.infer<typeof ConversationRow>;

/** Models, prompt versions and fingerprint of a row. All rows of a job share them. */
export type Provenance = Pick<ConversationRow, "models" | "prompts" | "fingerprint">;

/** Converts the final state of a thread to its row. */
export function toConversationRow(
  id: string,
  seed: ConversationRow["seed"],
  state: Pick<ConversationState, "messages" | "turns" | "earlyStop">,
  provenance: Provenance,
): ConversationRow {
  const calls = state.turns.flatMap((turn) => turn.calls);
  return {
    id,
    seed,
    messages: toConversationMessages(state.messages),
    turns: state.turns,
    earlyStop: state.earlyStop ?? null,
    ...provenance,
    usage: {
      calls: calls.length,
      inputTokens: addCounts(calls.map((call) => call.inputTokens)),
      outputTokens: addCounts(calls.map((call) => call.outputTokens)),
    },
  };
}

function addCounts(counts: readonly (number | null)[]): number | null {
  return counts.reduce<number | null>((sum, count) => (sum === null || count === null ? null : sum + count), 0);
}
