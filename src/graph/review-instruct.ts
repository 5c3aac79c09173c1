import { type BaseCheckpointSaver, END, START, StateGraph } from "@langchain/langgraph";

import type { CallModel } from "../model-calls/model-call.js";
import { createCandidateNode } from "../nodes/candidate.js";
import { type EvolutionPolicy, createChairmanNode } from "../nodes/chairman.js";
import type { CustomReviewers } from "../nodes/custom-reviewer.js";
import { createHumanReviewNode } from "../nodes/human-review.js";
import { createStartNode } from "../nodes/start-conversation.js";
import { withErrorEvents } from "../nodes/with-error-events.js";
import { ConversationInput, ConversationOutput, ConversationState } from "../state/conversation.js";
import { maxTurns } from "../state/settings.js";
import { contextSchema } from "./context.js";
import { addPanelNodes } from "./panel-nodes.js";
import { afterCandidate, afterChairman, afterHumanReview, afterReviews } from "./routes.js";

/** Options of {@link createReviewInstructGraph}. */
export interface ReviewInstructOptions {
  /** Makes the model calls; see `createModelCaller`. */
  readonly callModel: CallModel;
  /** Saves threads. Omit it on LangGraph server, which has its own. */
  readonly checkpointer?: BaseCheckpointSaver;
  /**
   * Decides the direction of the next instruction.
   * @default defaultEvolutionPolicy
   */
  readonly evolutionPolicy?: EvolutionPolicy;
  /** Reviewers in code, by the name they have in `settings.panel`. Default: models review. */
  readonly customReviewers?: CustomReviewers;
}

/**
 * Returns the `recursionLimit` for a run with this many turns: five supersteps per turn, one to start, and a reserve of ten.
 *
 * Needed only for a graph that contains the loop as a node: the loop by itself sets its own limit.
 */
export function getRecursionLimit(turns: number): number {
  return 1 + 5 * turns + 10;
}

/**
 * Creates the Ask-Respond-Review loop (paper, Fig. 2).
 *
 * The candidate responds, the panel reviews in parallel, the reviews are aggregated to a verdict, and the chairman writes the
 * next instruction, until the last turn. Input `ConversationInput`, output `ConversationOutput`, context `SettingsInput`.
 *
 * @example
 * ```ts
 * const graph = createReviewInstructGraph({ callModel: createModelCaller() });
 * const result = await graph.invoke({ instruction: "Why does bread go stale?" }, { context: { model: "openai:gpt-4o-mini" } });
 * for (const { instruction, response } of getTurnsWithMessages(result)) console.log(instruction, response);
 * ```
 */
export function createReviewInstructGraph({ callModel, checkpointer, evolutionPolicy, customReviewers }: ReviewInstructOptions) {
  const graph = new StateGraph({ state: ConversationState, input: ConversationInput, output: ConversationOutput, context: contextSchema })
    .addNode("start_conversation", withErrorEvents(createStartNode()))
    .addNode("candidate", withErrorEvents(createCandidateNode(callModel)));
  return addPanelNodes(graph, { callModel, customReviewers, stopsAtContextOverflow: true })
    .addNode("chairman", withErrorEvents(createChairmanNode(callModel, evolutionPolicy)))
    .addNode("human_review", createHumanReviewNode())
    .addEdge(START, "start_conversation")
    .addEdge("start_conversation", "candidate")
    .addEdge("reviewer", "aggregate_reviews")
    .addConditionalEdges("candidate", afterCandidate, { review: "reviewer", "no review": "chairman", done: END })
    .addConditionalEdges("aggregate_reviews", afterReviews, {
      positive: "chairman",
      negative: "chairman",
      "retry missing reviewers": "reviewer",
      done: END,
    })
    .addConditionalEdges("chairman", afterChairman, { "next turn": "candidate", "human review": "human_review", "no instruction": END })
    .addConditionalEdges("human_review", afterHumanReview, { "next turn": "candidate", stopped: END })
    .compile({ checkpointer, name: "review_instruct" })
    .withConfig({ recursionLimit: getRecursionLimit(maxTurns) });
}

/** The compiled loop. */
export type ReviewInstructGraph = ReturnType<typeof createReviewInstructGraph>;
