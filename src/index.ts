/** The public API: graphs and their parts, models, checkpoints, seeds, rows, jobs, tracing. */
export { createReviewInstructGraph, getRecursionLimit, type ReviewInstructGraph, type ReviewInstructOptions } from "./graph/review-instruct.js";
export { createReviewPanel, type ReviewPanel, type ReviewPanelOptions } from "./graph/review-panel.js";
export { type PanelNodesOptions, addPanelNodes } from "./graph/panel-nodes.js";
export { dispatchReviewers } from "./graph/routes.js";
export { createCandidateNode } from "./nodes/candidate.js";
export { type EvolutionPolicy, createChairmanNode, defaultEvolutionPolicy } from "./nodes/chairman.js";
export type { CustomReviewer, CustomReviewers, ReviewInput, ReviewResult } from "./nodes/custom-reviewer.js";
export type { ConversationEvent } from "./nodes/events.js";
export { HumanDecision, createHumanReviewNode } from "./nodes/human-review.js";
export { majorityVerdict } from "./nodes/aggregate-reviews.js";
export type { GetSettings, NodeRuntime } from "./nodes/runtime.js";
export { createStartNode } from "./nodes/start-conversation.js";
export {
  ConversationInput,
  type ConversationMessage,
  ConversationOutput,
  ConversationState,
  type ConversationUpdate,
  ReviewTask,
  type TurnWithMessages,
  getTurnsWithMessages,
  toConversationMessages,
} from "./state/conversation.js";
export { PanelInput, PanelOutput } from "./state/panel.js";
export {
  Abstention,
  CallUsage,
  EarlyStop,
  Evolution,
  Review,
  type ReviewDimension,
  ReviewScores,
  Turn,
  TurnUpdate,
  reviewDimensions,
} from "./state/records.js";
export { type ResolvedReviewer, type ResolvedSettings, resolveSettings } from "./state/resolve-settings.js";
export {
  GenerationMode,
  type ModelSettings,
  Settings as ReviewInstructSettings,
  ReviewerSettings,
  type SettingsInput,
  Verdict,
  defaultPanel,
} from "./state/settings.js";
export type { CallModel, ModelMiddleware, ModelRequest, ModelResponse, ResponseSchema, TokenUsage } from "./model-calls/model-call.js";
export { type CallResult, type RepairOptions, callWithRepair } from "./model-calls/call-with-repair.js";
export { ResponseValidationError, parseJsonOutput } from "./text/json-output.js";
export { toResponseSchema } from "./model-calls/response-schema.js";
export { quoteInstructions, quoteUntrusted } from "./text/quote-untrusted.js";
export type { ResponseStore } from "./model-calls/middleware/response-store.js";
export type { AdaptationEvent } from "./model-calls/adaptation/adaptation-memory.js";
export { describeAdaptation } from "./model-calls/adaptation/describe-adaptation.js";
export { type ModelCallerOptions, createModelCaller } from "./models/create-model-caller.js";
export { type ModelPipeline, type OpenModelsOptions, openModels } from "./models/open-models.js";
export { OfflineChatModel } from "./models/offline/model.js";
export { type CheckpointerHandle, openCheckpointer } from "./checkpoints/open-checkpointer.js";
export { ConversationRow, parseAbstentions } from "./dataset/conversation-row.js";
export { type ReadSeedsOptions, Seed, type SeedRow, readSeeds } from "./dataset/seeds/read-seeds.js";
export type { JobDefinition, JobRunner } from "./jobs/job-definition.js";
export { type RunJobOptions, type RunJobResult, runJob } from "./jobs/run-job.js";
export type { StopSignals } from "./jobs/stop-signals.js";
export type { ConversationBackend, ConversationRunner, ConversationTask } from "./generation/conversation-runner.js";
export { type GenerateJobOptions, type GenerateJobResult, estimateGenerateJob, runGenerateJob } from "./generation/generate-job.js";
export { type LocalBackendOptions, openLocalBackend } from "./generation/open-local-backend.js";
export { InputError, InvalidResponseError, type ModelCaller, ModelCallError, QuorumError, ReviewInstructError } from "./errors.js";
export { type Tracing, type TracingOptions, openTracing } from "./tracing/open-tracing.js";
export type { ConversationTraceMetadata } from "./tracing/labels.js";
export { createFeedbackCallback, withServerTracing } from "./tracing/server-tracing.js";
export { TraceFile, readTraceFile } from "./tracing/trace-file.js";
export { renderTraceTree } from "./tracing/trace-tree.js";
