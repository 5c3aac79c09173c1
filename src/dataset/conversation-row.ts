import { z } from "zod";

import { type ConversationState, toConversationMessages } from "../state/conversation.js";
import { Abstention, type CallUsage, EarlyStop, Evolution, Review, Turn, createScoresSchema } from "../state/records.js";
import { Verdict } from "../state/settings.js";
import type { Seed } from "./seeds/seed.js";

/*
 * Every row has the same keys with the same types, and nothing is null: `datasets`, which trainers read JSON with, fixes the
 * types at its first block and fails at a later row that differs. What is rare is therefore text: "" or JSON.
 */

const message = z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() });

const RowSeed = z.object({
  index: z.int().min(0).meta({ description: "Position in the seed file, from 0, invalid rows counted." }),
  instruction: z.string().meta({ description: "Empty if the seed is a conversation to continue." }),
  input: z.string(),
  system: z.string(),
  messages: z.string().meta({ description: "The conversation to continue as JSON text: a list of messages. Empty where there is none." }),
  extra: z.string().meta({ description: "All other fields of the seed as JSON text: an object. Empty where there are none." }),
});

const RowReview = Review.extend({ scores: createScoresSchema(z.int().min(1).max(10)) });

const RowCall = z.object({
  caller: z.string().meta({ description: "The role, or the reviewer's name where `group` is `reviewer`." }),
  group: z.string().meta({ description: "Group of callers with a common prompt; empty where there is none." }),
  model: z.string().meta({ description: "The model's name as the endpoint reported it." }),
  inputTokens: z.int().min(0),
  outputTokens: z.int().min(0),
  metered: z.boolean().meta({ description: "False if the endpoint did not report both counts; what it did not report is 0." }),
  runId: z.string().meta({ description: "Run id of a traced call; otherwise empty." }),
  cached: z.boolean().meta({ description: "True for a response from the cache, which cost nothing." }),
  promptCut: z.boolean().default(false).meta({ description: "True if the endpoint counted fewer input tokens than the prompt has at least." }),
});

const RowTurn = z.object({
  ...Turn.pick({ turn: true }).shape,
  userMessageIndex: z.int().min(0).meta({ description: "Index of the instruction among the user messages, from 0; its response follows it." }),
  evolution: Evolution,
  verdict: z.enum([...Verdict.options, "none"]).meta({ description: "`none` without reviews, as for the last turn." }),
  reviews: z.array(RowReview),
  abstentions: z
    .string()
    .meta({ description: "Reviewers without a review, as JSON text: a list with reviewer, code and reason. Empty if all reviewed." }),
  calls: z.array(RowCall),
  reasoning: z.string().default("").meta({ description: "The candidate's reasoning; empty without the setting `keepReasoning`." }),
});
export type RowTurn = z.infer<typeof RowTurn>;

/** One line of `conversations.jsonl`: a finished conversation with its full record. */
export const ConversationRow = z
  .object({
    id: z.uuid().meta({ description: "Id of the conversation and of its thread: the same for the same seed, position in the file and settings." }),
    seed: RowSeed,
    messages: z.array(message).meta({ description: "The conversation: user messages are the instructions, assistant messages the responses." }),
    turns: z.array(RowTurn).meta({ description: "The record of the generated turns: the last ones of the conversation, in order." }),
    earlyStop: z
      .enum(["", ...EarlyStop.shape.reason.options])
      .meta({ description: "Why the conversation stopped before its last turn; empty if it did not." }),
    earlyStopMessage: z.string().meta({ description: "The same in words; empty if it did not." }),
    models: z.object({
      candidate: z.string(),
      chairman: z.string(),
      reviewers: z.array(z.object({ reviewer: z.string(), model: z.string() })),
    }),
    prompts: z.object({ candidate: z.string(), reviewer: z.string(), chairman: z.string() }).meta({ description: "Versions of the prompts." }),
    fingerprint: z.string().meta({ description: "Digest of settings, models and prompts." }),
    usage: z.object({
      calls: z.int(),
      unmeteredCalls: z.int().meta({ description: "Number of calls whose tokens the endpoint did not report. The sums do not contain them." }),
      inputTokens: z.int(),
      outputTokens: z.int(),
      cutPrompts: z.int().default(0).meta({ description: "Number of calls whose prompt the endpoint seems to have cut." }),
    }),
  })
  .meta({ title: "Review-Instruct conversation", description: "A row of conversations.jsonl. All rows have the same keys and types." });
export type ConversationRow = z.infer<typeof ConversationRow>;

/** Models, prompt versions and fingerprint of a row. All rows of a job share them. */
export type Provenance = Pick<ConversationRow, "models" | "prompts" | "fingerprint">;

/** Converts the final state of a thread to its row. */
export function toConversationRow(
  id: string,
  index: number,
  seed: Seed,
  state: Pick<ConversationState, "messages" | "turns" | "earlyStop">,
  provenance: Provenance,
): ConversationRow {
  const turns = state.turns.map(toRowTurn);
  const calls = turns.flatMap((turn) => turn.calls);
  return {
    id,
    seed: toRowSeed(index, seed),
    messages: toConversationMessages(state.messages).map(({ role, content }) => ({ role, content: cleanText(content) })),
    turns,
    earlyStop: state.earlyStop?.reason ?? "",
    earlyStopMessage: cleanText(state.earlyStop?.message ?? ""),
    ...provenance,
    usage: {
      calls: calls.length,
      unmeteredCalls: calls.filter(({ metered }) => !metered).length,
      inputTokens: calls.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
      outputTokens: calls.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
      cutPrompts: calls.filter(({ promptCut }) => promptCut).length,
    },
  };
}

/** Converts a seed to its form in rows: no field is left out. */
export function toRowSeed(index: number, seed: Seed): ConversationRow["seed"] {
  const { instruction = "", input = "", system = "", messages, extra = "" } = seed;
  const texts = { instruction: cleanText(instruction), input: cleanText(input), system: cleanText(system) };
  return { index, ...texts, messages: messages ? JSON.stringify(messages) : "", extra };
}

/** Converts the record of a turn to its form in rows. */
export function toRowTurn({ turn, userMessageIndex, evolution, verdict, reviews, abstentions, calls, reasoning = "" }: Turn): RowTurn {
  return {
    turn,
    userMessageIndex,
    evolution,
    verdict: verdict ?? "none",
    reviews: reviews.map(toRowReview),
    abstentions: abstentions.length > 0 ? JSON.stringify(abstentions) : "",
    calls: calls.map(toRowCall),
    reasoning: cleanText(reasoning),
  };
}

/**
 * Returns the abstentions of a turn of a row.
 *
 * @throws For a text that was not written by {@link toRowTurn}.
 */
export function parseAbstentions({ abstentions }: Pick<RowTurn, "abstentions">): Abstention[] {
  return abstentions === "" ? [] : z.array(Abstention).parse(JSON.parse(abstentions));
}

/** Rounds the scores: custom reviewers may give fractions. */
function toRowReview({ reviewer, scores, verdict, critique }: Review): RowTurn["reviews"][number] {
  const { usefulness, relevance, accuracy, depth, creativity } = scores;
  return {
    reviewer,
    scores: {
      usefulness: Math.round(usefulness),
      relevance: Math.round(relevance),
      accuracy: Math.round(accuracy),
      depth: Math.round(depth),
      creativity: Math.round(creativity),
    },
    verdict,
    critique: cleanText(critique),
  };
}

function toRowCall({ caller, group, model, inputTokens, outputTokens, runId = "", cached, promptCut }: CallUsage): RowTurn["calls"][number] {
  return {
    caller,
    group,
    model: cleanText(model),
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    metered: inputTokens !== null && outputTokens !== null,
    runId,
    cached: cached === true,
    promptCut: promptCut === true,
  };
}

/** Replaces halves of characters, which make a whole file unreadable for `datasets`, and removes NUL. JSON texts have both escaped. */
function cleanText(text: string): string {
  return text.replace(/\p{Cs}/gu, "\uFFFD").replaceAll("\u0000", "");
}
