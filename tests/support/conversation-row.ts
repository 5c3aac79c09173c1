import type { ConversationRow, RowTurn } from "../../src/dataset/conversation-row.js";

const usage = { model: "m", inputTokens: 10, outputTokens: 5, metered: true, runId: "", cached: false, promptCut: false };

const reviewedTurn: RowTurn = {
  turn: 1,
  userMessageIndex: 0,
  evolution: "seed",
  reviews: [
    {
      reviewer: "depth",
      scores: { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 },
      verdict: "negative",
      critique: "Why?",
    },
  ],
  abstentions: "",
  verdict: "negative",
  calls: [
    { caller: "candidate", group: "", ...usage, runId: "01a20560-a748-7006-a34e-11ff3c9e9e01" },
    { caller: "depth", group: "reviewer", ...usage },
  ],
  reasoning: "",
};

const lastTurn: RowTurn = {
  turn: 2,
  userMessageIndex: 1,
  evolution: "depth",
  reviews: [],
  abstentions: "",
  verdict: "none",
  calls: [{ caller: "candidate", group: "", ...usage }],
  reasoning: "",
};

/** Creates the id of the row of a seed. */
export function createRowId(index: number): string {
  return `00000000-0000-8000-8000-${String(index).padStart(12, "0")}`;
}

/** Creates a valid row of `conversations.jsonl` with two turns. */
export function createConversationRow(index: number, changes: Partial<ConversationRow> = {}): ConversationRow {
  return {
    id: createRowId(index),
    seed: { index, instruction: "Explain.", input: "", system: "", messages: "", extra: "" },
    messages: [
      { role: "user", content: "Explain." },
      { role: "assistant", content: "So it is." },
      { role: "user", content: "And why?" },
      { role: "assistant", content: `Answer ${index}.` },
    ],
    turns: [reviewedTurn, lastTurn],
    earlyStop: "",
    earlyStopMessage: "",
    models: { candidate: "openai:m", chairman: "openai:m", reviewers: [{ reviewer: "depth", model: "openai:m" }] },
    prompts: { candidate: "candidate/1", reviewer: "reviewer/1", chairman: "chairman/1" },
    fingerprint: "0123456789abcdef",
    usage: { calls: 3, unmeteredCalls: 0, inputTokens: 30, outputTokens: 15, cutPrompts: 0 },
    ...changes,
  };
}
