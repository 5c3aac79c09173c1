import { type BaseCheckpointSaver, END, START, StateGraph } from "@langchain/langgraph";

import { PanelAttendance } from "../nodes/attendance.js";
import { createCandidate } from "../nodes/candidate.js";
import { type EvolutionPolicy, createChairman } from "../nodes/chairman.js";
import { createHumanReview } from "../nodes/human-review.js";
import type { ModelAccess } from "../nodes/model-access.js";
import { createReviewer } from "../nodes/reviewer.js";
import { createSeed } from "../nodes/seed.js";
import { createVerdict } from "../nodes/verdict.js";
import { ConversationInput, ConversationOutput, ConversationState, ReviewTask } from "../state/conversation.js";
import { Settings, mostTurns } from "../state/settings.js";
import { afterCandidate, afterChairman, afterHumanReview, afterVerdict } from "./routes.js";

export interface ReviewInstructOptions {
  /** How nodes reach models; see `createModelAccess`. */
  readonly models: ModelAccess;
  /** Where threads are kept. LangGraph server brings its own, so leave it out there. */
  readonly checkpointer?: BaseCheckpointSaver;
  /** Where the next instruction goes. Default: the paper's rule, {@link followTheVerdict}. */
  readonly policy?: EvolutionPolicy;
}

/** Supersteps of the longest conversation: the seed, then at most candidate, reviewers, verdict, chairman, person a turn. */
const recursionLimit = 1 + 5 * mostTurns + 10;

/**
 * The Ask-Respond-Review loop (paper, Fig. 2): the candidate answers, the panel reviews in parallel, the verdict is taken,
 * the chairman asks on, until the last turn. Input `ConversationInput`, output `ConversationOutput`, context `Settings`.
 */
export function createReviewInstructGraph({ models, checkpointer, policy }: ReviewInstructOptions) {
  const attendance = new PanelAttendance();
  return new StateGraph({ state: ConversationState, input: ConversationInput, output: ConversationOutput, context: Settings })
    .addNode("seed", createSeed())
    .addNode("candidate", createCandidate(models))
    .addNode("reviewer", createReviewer(models, attendance), { input: ReviewTask })
    .addNode("verdict", createVerdict(attendance))
    .addNode("chairman", createChairman(models, policy))
    .addNode("human_review", createHumanReview())
    .addEdge(START, "seed")
    .addEdge("seed", "candidate")
    .addConditionalEdges("candidate", afterCandidate, { review: "reviewer", "no review": "chairman", done: END })
    .addEdge("reviewer", "verdict")
    .addConditionalEdges("verdict", afterVerdict, { positive: "chairman", negative: "chairman", "call back": "reviewer", done: END })
    .addConditionalEdges("chairman", afterChairman, { "next turn": "candidate", "human review": "human_review", "no instruction": END })
    .addConditionalEdges("human_review", afterHumanReview, { "next turn": "candidate", ended: END })
    .compile({ checkpointer, name: "review_instruct" })
    .withConfig({ recursionLimit });
}

export type ReviewInstructGraph = ReturnType<typeof createReviewInstructGraph>;
