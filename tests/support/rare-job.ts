import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";

import type { ConversationBackend, ConversationTask } from "../../src/generation/conversation-runner.js";
import type { UsageSummary } from "../../src/model-calls/budget/usage-summary.js";
import type { ConversationOutput } from "../../src/state/conversation.js";
import type { Abstention, CallUsage, Review, Turn } from "../../src/state/records.js";

/** A long job whose last rows hold everything that is rare, once the first rows have settled what is usual. */
const rareCount = 60;

const rareSeeds: readonly ((index: number) => object)[] = [
  (index) => ({ instruction: `Sum up ${index}.`, input: "A loaf of rye." }),
  (index) => ({ instruction: `Sum up ${index}.`, system: "Be brief." }),
  (index) => ({ instruction: `Sum up ${index}.`, id: index, tags: ["a", { b: null }], score: 0.5 }),
  (index) => ({ instruction: `And ${index}?`, history: [["Why?", "So."]] }),
  (index) => ({
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content: `And ${index}?` },
    ],
  }),
];

const shortAbstention: Abstention = { reviewer: "depth", code: "no_opinion", reason: "nothing to say" };
const longAbstention: Abstention = { reviewer: "depth", code: "response_invalid", reason: "no JSON", attempts: 3, rawText: "I cannot \ud83d say." };

/** Changes of a usual conversation, each to one that is rare. */
const rareEvents: readonly ((output: ConversationOutput) => ConversationOutput)[] = [
  (output) => changeFirstTurn(output, ({ reviews }) => ({ reviews: reviews.slice(1), abstentions: [longAbstention] })),
  (output) => changeFirstTurn(output, ({ reviews }) => ({ reviews: reviews.slice(1), abstentions: [shortAbstention] })),
  (output) => ({ ...output, turns: output.turns.slice(0, 1), earlyStop: { reason: "context_overflow", message: "too \udc00 long" } }),
  (output) => ({ ...output, turns: output.turns.slice(0, 1), earlyStop: { reason: "no_valid_instruction", message: "repeats" } }),
  (output) => changeCalls(output, (call) => ({ ...call, cached: true })),
  (output) => changeCalls(output, (call) => ({ ...call, inputTokens: null, outputTokens: null })),
  (output) => changeCalls(output, (call) => ({ ...call, outputTokens: null })),
  (output) => changeCalls(output, (call) => ({ ...call, runId: "01a20560-a748-7006-a34e-11ff3c9e9e01" })),
  (output) => changeFirstTurn(output, ({ reviews }) => ({ reviews: reviews.map(giveFractions) })),
  (output) => changeFirstTurn(output, ({ reviews }) => ({ reviews: reviews.map((review) => ({ ...review, critique: "half \ud83d, NUL \u0000" })) })),
  // The reviewers of a later turn no longer fit: it stays, without a verdict.
  (output) => changeTurn(output, 2, () => ({ reviews: [], verdict: null, abstentions: [longAbstention, { ...longAbstention, reviewer: "facts" }] })),
];

/** Returns the lines of the seed file. */
export function createRareSeedLines(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const rare = isRare(index, count) ? rareSeeds[index % rareSeeds.length] : undefined;
    return JSON.stringify(rare?.(index) ?? { instruction: `Question ${index}?` });
  });
}

/** Creates a backend whose conversations are usual at first and rare at the end. */
export function createRareBackend(count: number, hasReviews = true): ConversationBackend {
  const usage: UsageSummary = {
    calls: 0,
    inputTokens: 0,
    outputTokens: 0,
    usd: null,
    unmeteredCalls: 0,
    unconfirmedCalls: 0,
    uncountedTokens: 0,
    uncountedUsd: null,
    unpricedModels: [],
  };
  return {
    runner: {
      run: async (task) => createOutput(task, count, hasReviews),
      deleteThread: async () => {},
      getCurrentTurn: async () => null,
    },
    getUsage: () => usage,
    getEndpoints: () => [],
    getCacheStats: () => null,
    close: () => {},
  };
}

function createOutput({ index, seed }: ConversationTask, count: number, hasReviews: boolean): ConversationOutput {
  const usual: ConversationOutput = {
    messages: [
      ...(seed.system === undefined ? [] : [new SystemMessage(seed.system)]),
      ...[1, 2, 3].flatMap((turn) => [
        new HumanMessage(`Question ${index}, ${turn}?`),
        new AIMessage(`Answer ${index}. ${"The crumb turns firm. ".repeat(20)}`),
      ]),
    ],
    turns: [1, 2, 3].map((turn) => createTurn(turn, hasReviews && turn < 3)),
    earlyStop: null,
  };
  if (!isRare(index, count)) return usual;
  return rareEvents[index % rareEvents.length]?.(usual) ?? usual;
}

function isRare(index: number, count: number): boolean {
  return index >= count - rareCount;
}

function createTurn(turn: number, isReviewed: boolean): Turn {
  const reviews = isReviewed ? ["depth", "facts", "reader"].map(createReview) : [];
  const calls = [createCall("candidate", ""), ...reviews.map(({ reviewer }) => createCall(reviewer, "reviewer"))];
  const verdict = isReviewed ? "negative" : null;
  return { turn, userMessageIndex: turn - 1, evolution: turn === 1 ? "seed" : "depth", reviews, abstentions: [], verdict, calls };
}

function createReview(reviewer: string): Review {
  const scores = { usefulness: 6, relevance: 8, accuracy: 7, depth: 4, creativity: 5 };
  return { reviewer, scores, verdict: "negative", critique: "It names no figure for how long it takes." };
}

function giveFractions(review: Review): Review {
  return { ...review, scores: { ...review.scores, depth: 6.5, accuracy: 7.25 } };
}

function createCall(caller: string, group: string): CallUsage {
  return { caller, group, model: "m", inputTokens: 100, outputTokens: 50 };
}

function changeTurn(output: ConversationOutput, number: number, change: (turn: Turn) => Partial<Turn>): ConversationOutput {
  return { ...output, turns: output.turns.map((turn) => (turn.turn === number ? { ...turn, ...change(turn) } : turn)) };
}

function changeFirstTurn(output: ConversationOutput, change: (turn: Turn) => Partial<Turn>): ConversationOutput {
  return changeTurn(output, 1, change);
}

function changeCalls(output: ConversationOutput, change: (call: CallUsage) => CallUsage): ConversationOutput {
  return { ...output, turns: output.turns.map((turn) => ({ ...turn, calls: turn.calls.map(change) })) };
}
