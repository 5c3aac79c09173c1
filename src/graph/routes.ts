import { Send } from "@langchain/langgraph";

import { type NodeRuntime, settingsOf } from "../nodes/runtime.js";
import { type ConversationState, currentTurn, turnsSinceSeed } from "../state/conversation.js";
import { seatedPanel, turnsOf } from "../state/settings.js";

/** One task for each reviewer of the panel that has not reviewed the newest answer yet. */
export function panelTasks(state: Pick<ConversationState, "messages" | "turns">, runtime: NodeRuntime): Send[] {
  const { turn, evolution, reviews } = currentTurn(state);
  const heard = new Set(reviews.map((review) => review.reviewer));
  return seatedPanel(settingsOf(runtime))
    .filter((reviewer) => !heard.has(reviewer.name))
    .map((reviewer) => new Send("reviewer", { reviewer, turn, evolution, messages: state.messages }));
}

function isFinalTurn(state: ConversationState, runtime: NodeRuntime): boolean {
  return turnsSinceSeed(state) >= turnsOf(settingsOf(runtime));
}

/** After an answer: the panel reviews, the chairman goes on without reviews, or the conversation is complete. */
export function afterCandidate(state: ConversationState, runtime: NodeRuntime): Send[] | "no review" | "done" {
  const settings = settingsOf(runtime);
  const reviewed = seatedPanel(settings).length > 0;
  if (isFinalTurn(state, runtime) && !(reviewed && settings.reviewFinalTurn)) return "done";
  return reviewed ? panelTasks(state, runtime) : "no review";
}

/** After the verdict: widen, dig, call missing reviewers back, or stop where the final turn was reviewed. */
export function afterVerdict(state: ConversationState, runtime: NodeRuntime): Send[] | "positive" | "negative" | "done" {
  const { verdict } = currentTurn(state);
  if (verdict === null) return panelTasks(state, runtime);
  return isFinalTurn(state, runtime) ? "done" : verdict;
}

/** After the verdict of a panel by itself: hand it over, or call missing reviewers back. */
export function afterPanelVerdict(state: Pick<ConversationState, "messages" | "turns">, runtime: NodeRuntime): Send[] | "ruled" {
  return currentTurn(state).verdict === null ? panelTasks(state, runtime) : "ruled";
}

/** After the chairman: answer the new instruction, let a person see it first, or stop where there is none. */
export function afterChairman(state: ConversationState): "next turn" | "human review" | "no instruction" {
  if (state.endedEarly) return "no instruction";
  return state.proposal ? "human review" : "next turn";
}

/** After a person's word. */
export function afterHumanReview(state: ConversationState): "next turn" | "ended" {
  return state.endedEarly ? "ended" : "next turn";
}
