import type { StateGraph } from "@langchain/langgraph";

import { createAggregateReviewsNode } from "../nodes/aggregate-reviews.js";
import { PanelRunTracker } from "../nodes/panel-run-tracker.js";
import { type ReviewerNodeOptions, createReviewerNode } from "../nodes/reviewer.js";
import type { NodeRuntime } from "../nodes/runtime.js";
import { withErrorEvents } from "../nodes/with-error-events.js";
import { type ConversationState, type ConversationUpdate, ReviewTask } from "../state/conversation.js";

type TurnsUpdate = Pick<ConversationUpdate, "turns">;

/** The methods of a `StateGraph` whose state has the channel `turns`. */
interface PanelGraphBuilder {
  addNode(key: "reviewer", action: (task: ReviewTask, runtime: NodeRuntime) => Promise<TurnsUpdate>, options: { input: typeof ReviewTask }): unknown;
  addNode(key: "aggregate_reviews", action: (state: Pick<ConversationState, "turns">, runtime: NodeRuntime) => Promise<TurnsUpdate>): unknown;
}

/** The same graph, whose type knows the two nodes. */
type WithPanelNodes<G> =
  G extends StateGraph<infer SD, infer S, infer U, infer N, infer I, infer O, infer C, infer R>
    ? StateGraph<SD, S, U, N | "reviewer" | "aggregate_reviews", I, O, C, R>
    : never;

/**
 * Adds the nodes `reviewer` and `aggregate_reviews` to a graph.
 *
 * Dispatch reviewers to the first with `dispatchReviewers`, add an edge to the second, and route on from there.
 */
export function addPanelNodes<G extends PanelGraphBuilder>(graph: G, options: Omit<ReviewerNodeOptions, "tracker">): WithPanelNodes<G>;
export function addPanelNodes(graph: PanelGraphBuilder, options: Omit<ReviewerNodeOptions, "tracker">): PanelGraphBuilder {
  const tracker = new PanelRunTracker();
  graph.addNode("reviewer", withErrorEvents(createReviewerNode({ ...options, tracker })), { input: ReviewTask });
  graph.addNode("aggregate_reviews", withErrorEvents(createAggregateReviewsNode({ ...options, tracker })));
  return graph;
}
