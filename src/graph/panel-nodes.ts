import type { StateGraph } from "@langchain/langgraph";

import { type AggregateReviewsNodeOptions, createAggregateReviewsNode } from "../nodes/aggregate-reviews.js";
import { PanelRunTracker } from "../nodes/panel-run-tracker.js";
import { type ReviewerNodeOptions, createReviewerNode } from "../nodes/reviewer.js";
import type { NodeRuntime } from "../nodes/runtime.js";
import { withErrorEvents } from "../nodes/with-error-events.js";
import { type ConversationState, type ConversationUpdate, ReviewTask } from "../state/conversation.js";

/** Options of {@link addPanelNodes}. */
export type PanelNodesOptions = Omit<ReviewerNodeOptions & AggregateReviewsNodeOptions, "tracker">;

type TurnsUpdate = Pick<ConversationUpdate, "turns">;

/** The methods of a `StateGraph` whose state has the channel `turns`. */
interface PanelGraphBuilder {
  addNode(key: "reviewer", action: (task: ReviewTask, runtime: NodeRuntime) => Promise<TurnsUpdate>, options: { input: typeof ReviewTask }): unknown;
  addNode(key: "aggregate_reviews", action: (state: Pick<ConversationState, "turns">, runtime: NodeRuntime) => Promise<TurnsUpdate>): unknown;
}

/** The type of a graph after the two nodes were added. */
type WithPanelNodes<G> =
  G extends StateGraph<infer SD, infer S, infer U, infer N, infer I, infer O, infer C, infer R>
    ? StateGraph<SD, S, U, N | "reviewer" | "aggregate_reviews", I, O, C, R>
    : never;

/**
 * Adds the nodes `reviewer` and `aggregate_reviews` to a graph whose state has the channel `turns`.
 *
 * Send to `reviewer` with `dispatchReviewers`, add an edge from `reviewer` to `aggregate_reviews`, and route from there. While
 * the turn has no verdict, send with `dispatchReviewers` again: it selects the missing reviewers only.
 */
export function addPanelNodes<G extends PanelGraphBuilder>(graph: G, options: PanelNodesOptions): WithPanelNodes<G>;
export function addPanelNodes(graph: PanelGraphBuilder, options: PanelNodesOptions): PanelGraphBuilder {
  const tracker = new PanelRunTracker();
  graph.addNode("reviewer", withErrorEvents(createReviewerNode({ ...options, tracker })), { input: ReviewTask });
  graph.addNode("aggregate_reviews", withErrorEvents(createAggregateReviewsNode({ ...options, tracker })));
  return graph;
}
