/** The public API: the graphs and their parts, models, checkpoints, seeds in and rows out, whole jobs. */
export { createReviewInstructGraph, superstepsOf, type ReviewInstructGraph, type ReviewInstructOptions } from "./graph/review-instruct.js";
export { createReviewPanel, type ReviewPanel, type ReviewPanelOptions } from "./graph/review-panel.js";
export { panelTasks } from "./graph/routes.js";
export { PanelAttendance } from "./nodes/attendance.js";
export { createCandidate } from "./nodes/candidate.js";
export { type EvolutionPolicy, createChairman, followTheVerdict } from "./nodes/chairman.js";
export type { AnswerUnderReview, CustomReviewer, CustomReviewers, ReviewerWord } from "./nodes/custom-reviewer.js";
export type { ReviewEvent } from "./nodes/events.js";
export { HumanDecision, createHumanReview } from "./nodes/human-review.js";
export type { ModelAccess, ModelReply, ModelRequest, ReplySchema, TokenUsage } from "./nodes/model-access.js";
export { createReviewer } from "./nodes/reviewer.js";
export type { NodeRuntime } from "./nodes/runtime.js";
export { createSeed } from "./nodes/seed.js";
export { createVerdict, majority } from "./nodes/verdict.js";
export {
  ConversationInput,
  ConversationOutput,
  ConversationState,
  type ConversationUpdate,
  ReviewTask,
  type DialogueLine,
  type FullTurn,
  dialogueOf,
  fullTurns,
} from "./state/conversation.js";
export { PanelInput, PanelOutput } from "./state/panel.js";
export {
  Abstention,
  CallUsage,
  EarlyEnding,
  Evolution,
  Review,
  Role,
  Scores,
  Turn,
  TurnUpdate,
  type Dimension,
  dimensions,
} from "./state/records.js";
export { Mode, ReviewerSettings, Settings, type ModelSettings, type SettingsInput, VerdictSide, defaultPanel } from "./state/settings.js";
export { type ModelAccessOptions, type ModelAccessWrapper, createModelAccess } from "./models/access.js";
export { OfflineChatModel } from "./models/offline/model.js";
export { type Checkpoints, openCheckpointer } from "./checkpoints/open-checkpointer.js";
export { ConversationRow } from "./dataset/conversation-row.js";
export { type ReadSeedsOptions, Seed, type SeedRow, readSeeds } from "./dataset/seeds.js";
export { type JobOptions, type JobResult, runJob } from "./generation/job.js";
export { InputError, ModelCallError, QuorumError, ReplyError, ReviewInstructError } from "./errors.js";
export { type Tracing, type TracingOptions, openTracing } from "./tracing/open-tracing.js";
export type { TracedConversation } from "./tracing/labels.js";
export { feedbackCallback, withServerTracing } from "./tracing/server-tracing.js";
export { TraceFile, readTraceFile } from "./tracing/trace-file.js";
export { renderTraceTree } from "./tracing/trace-tree.js";
