import { type BaseCheckpointSaver, END, START, StateGraph } from "@langchain/langgraph";

import { PanelAttendance } from "../nodes/attendance.js";
import { createCandidate } from "../nodes/candidate.js";
import { type EvolutionPolicy, createChairman } from "../nodes/chairman.js";
import type { CustomReviewers } from "../nodes/custom-reviewer.js";
import { createHumanReview } from "../nodes/human-review.js";
import type { ModelAccess } from "../nodes/model-access.js";
import { createReviewer } from "../nodes/reviewer.js";
import { createSeed } from "../nodes/seed.js";
import { tellingFailures } from "../nodes/telling-failures.js";
import { createVerdict } from "../nodes/verdict.js";
import { ConversationInput, ConversationOutput, ConversationState, ReviewTask } from "../state/conversation.js";
import { mostTurns } from "../state/settings.js";
import { settingsContext } from "./context.js";
import { afterCandidate, afterChairman, afterHumanReview, afterVerdict } from "./routes.js";

/** What {@link createReviewInstructGraph} is made of. */
export interface ReviewInstructOptions {
  /** How nodes reach models; see `createModelAccess`. */
  readonly models: ModelAccess;
  /** Where threads are kept. LangGraph server brings its own, so leave it out there. */
  readonly checkpointer?: BaseCheckpointSaver;
  /** Where the next instruction goes. Default: the paper's rule, {@link followTheVerdict}. */
  readonly policy?: EvolutionPolicy;
  /** Reviewers of your own, by the name that they have in `settings.panel`. Default: models review. */
  readonly reviewers?: CustomReviewers;
}

/**
 * Most supersteps of a conversation: the seed, then at most candidate, reviewers, verdict, chairman, person a turn, and a
 * reserve. The `recursionLimit` for a run of a graph that has the loop as a node; the loop by itself sets its own.
 */
export function superstepsOf(turns: number): number {
  return 1 + 5 * turns + 10;
}

/**
 * The Ask-Respond-Review loop (paper, Fig. 2): the candidate answers, the panel reviews in parallel, the verdict is taken,
 * the chairman asks on, until the last turn. Input `ConversationInput`, output `ConversationOutput`, context `SettingsInput`.
 */
export function createReviewInstructGraph({ models, checkpointer, policy, reviewers }: ReviewInstructOptions) {
  const attendance = new PanelAttendance();
  return new StateGraph({ state: ConversationState, input: ConversationInput, output: ConversationOutput, context: settingsContext })
    .addNode("seed", tellingFailures(createSeed()))
    .addNode("candidate", tellingFailures(createCandidate(models)))
    .addNode("reviewer", tellingFailures(createReviewer(models, attendance, reviewers)), { input: ReviewTask })
    .addNode("verdict", tellingFailures(createVerdict(attendance)))
    .addNode("chairman", tellingFailures(createChairman(models, policy)))
    .addNode("human_review", createHumanReview())
    .addEdge(START, "seed")
    .addEdge("seed", "candidate")
    .addConditionalEdges("candidate", afterCandidate, { review: "reviewer", "no review": "chairman", done: END })
    .addEdge("reviewer", "verdict")
    .addConditionalEdges("verdict", afterVerdict, { positive: "chairman", negative: "chairman", "call back": "reviewer", done: END })
    .addConditionalEdges("chairman", afterChairman, { "next turn": "candidate", "human review": "human_review", "no instruction": END })
    .addConditionalEdges("human_review", afterHumanReview, { "next turn": "candidate", ended: END })
    .compile({ checkpointer, name: "review_instruct" })
    .withConfig({ recursionLimit: superstepsOf(mostTurns) });
}

/** The compiled loop. */
export type ReviewInstructGraph = ReturnType<typeof createReviewInstructGraph>;
