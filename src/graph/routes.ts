import type { BaseMessage } from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";

import { type NodeRuntime, getSettings } from "../nodes/runtime.js";
import { type ConversationState, countTurnsSinceSeed, getCurrentTurn } from "../state/conversation.js";
import type { ResolvedSettings } from "../state/resolve-settings.js";

/**
 * Returns one task for each reviewer of the panel that has not reviewed the newest response yet.
 *
 * A task names its reviewer and has no model settings: tasks are saved in checkpoints, where an endpoint's keys must not be.
 *
 * @param state A turn must have been started in `turns`.
 */
export function dispatchReviewers(
  state: { readonly messages: readonly BaseMessage[] } & Pick<ConversationState, "turns">,
  { panel }: Pick<ResolvedSettings, "panel">,
): Send[] {
  const { turn, evolution, reviews } = getCurrentTurn(state);
  const finished = new Set(reviews.map((review) => review.reviewer));
  return panel
    .filter((reviewer) => !finished.has(reviewer.name))
    .map(({ name }) => new Send("reviewer", { reviewer: name, turn, evolution, messages: state.messages }));
}

function isFinalTurn(state: ConversationState, { turns }: ResolvedSettings): boolean {
  return countTurnsSinceSeed(state) >= turns;
}

/** Routes after the candidate: to the reviewers, to the chairman if the mode has no reviewers, or to the end. */
export function afterCandidate(state: ConversationState, runtime: NodeRuntime): Send[] | "no review" | "done" {
  if (state.earlyStop) return "done";
  const settings = getSettings(runtime);
  const hasPanel = settings.panel.length > 0;
  if (isFinalTurn(state, settings) && !(hasPanel && settings.reviewFinalTurn)) return "done";
  return hasPanel ? dispatchReviewers(state, settings) : "no review";
}

/** Routes after the reviews: by verdict, to missing reviewers, or to the end after a reviewed final turn or an early stop. */
export function afterReviews(state: ConversationState, runtime: NodeRuntime): Send[] | "positive" | "negative" | "done" {
  if (state.earlyStop) return "done";
  const settings = getSettings(runtime);
  const { verdict } = getCurrentTurn(state);
  if (verdict === null) return dispatchReviewers(state, settings);
  return isFinalTurn(state, settings) ? "done" : verdict;
}

/** Routes after the chairman: to the candidate, to human review, or to the end without an instruction. */
export function afterChairman(state: ConversationState): "next turn" | "human review" | "no instruction" {
  if (state.earlyStop) return "no instruction";
  return state.pendingInstruction ? "human review" : "next turn";
}

/** Routes after human review: to the candidate or to the end. */
export function afterHumanReview(state: ConversationState): "next turn" | "stopped" {
  return state.earlyStop ? "stopped" : "next turn";
}
