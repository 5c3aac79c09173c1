import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";

import type { ModelCaller } from "../errors.js";
import type { ResponseSchema } from "../model-calls/model-call.js";
import { buildCandidatePrompt } from "../prompts/candidate.js";
import { buildChairmanPrompt, instructionResponseSchema } from "../prompts/chairman.js";
import { buildReviewerPrompt, reviewResponseSchema } from "../prompts/reviewer.js";
import type { ConversationMessage } from "../state/conversation.js";
import type { Review } from "../state/records.js";
import type { ResolvedSettings } from "../state/resolve-settings.js";
import type { ModelSettings } from "../state/settings.js";

/** The calls that one caller makes in one conversation. */
export interface CallerPlan {
  readonly caller: ModelCaller;
  readonly settings: ModelSettings;
  /** One prompt per call. */
  readonly prompts: readonly PromptPlan[];
}

/** The prompt of one call with empty texts, and the number of texts that it will contain besides the seed. */
export interface PromptPlan {
  readonly messages: readonly BaseMessage[];
  readonly schema?: ResponseSchema;
  readonly answers: number;
  readonly instructions: number;
  readonly critiques: number;
}

/**
 * Lists the calls of a conversation of full length: T + (T-1)(R+1) for T turns and R reviewers, and R more with
 * `reviewFinalTurn`.
 *
 * Repairs, retries and early stops are not included. Callers without calls are left out.
 */
export function planModelCalls(settings: ResolvedSettings): CallerPlan[] {
  const { panel, turns } = settings;
  const candidate: CallerPlan = {
    caller: { name: "candidate" },
    settings: settings.candidate,
    prompts: listTurns(turns).map((turn) => ({
      messages: buildCandidatePrompt(settings, createEmptyHistory(turn)),
      answers: turn - 1,
      instructions: turn - 1,
      critiques: 0,
    })),
  };
  const reviewers = panel.map((reviewer): CallerPlan => ({
    caller: { name: reviewer.name, group: "reviewer" },
    settings: reviewer,
    prompts: listTurns(settings.reviewFinalTurn ? turns : turns - 1).map((turn) => ({
      messages: buildReviewerPrompt(settings, reviewer, createEmptyMessages(turn)),
      schema: reviewResponseSchema,
      answers: turn,
      instructions: turn - 1,
      critiques: 0,
    })),
  }));
  const reviews = panel.map(({ name }) => createEmptyReview(name));
  const hasReviews = reviews.length > 0;
  const chairman: CallerPlan = {
    caller: { name: "chairman" },
    settings: settings.chairman,
    prompts: listTurns(turns - 1).map((turn) => ({
      messages: buildChairmanPrompt(settings, {
        messages: createEmptyMessages(turn),
        reviews,
        verdict: hasReviews ? "negative" : null,
        evolution: hasReviews ? "depth" : "follow_up",
      }),
      schema: instructionResponseSchema,
      answers: turn,
      instructions: turn - 1,
      critiques: reviews.length,
    })),
  };
  return [candidate, ...reviewers, chairman].filter(({ prompts }) => prompts.length > 0);
}

/** Returns the numbers from 1 to `last`. */
function listTurns(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Creates a conversation with one response per turn. */
function createEmptyMessages(turns: number): ConversationMessage[] {
  return Array.from({ length: 2 * turns }, (_, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content: "" }));
}

/** Creates the same conversation as LangChain messages, without its last response. */
function createEmptyHistory(turns: number): BaseMessage[] {
  return Array.from({ length: 2 * turns - 1 }, (_, index) => (index % 2 === 0 ? new HumanMessage("") : new AIMessage("")));
}

function createEmptyReview(reviewer: string): Review {
  return { reviewer, scores: { usefulness: 5, relevance: 5, accuracy: 5, depth: 5, creativity: 5 }, verdict: "negative", critique: "" };
}
