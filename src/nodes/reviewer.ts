import { InputError, InvalidResponseError, type ModelCallError, configurationErrorCodes } from "../errors.js";
import { callWithRepair } from "../model-calls/call-with-repair.js";
import type { CallModel } from "../model-calls/model-call.js";
import { buildReviewerPrompt, parseReview, reviewResponseSchema, reviewerPromptVersion } from "../prompts/reviewer.js";
import { type ConversationUpdate, type ReviewTask, toConversationMessages } from "../state/conversation.js";
import type { CallUsage } from "../state/records.js";
import type { ResolvedReviewer, ResolvedSettings } from "../state/resolve-settings.js";
import { maxResponseAttempts } from "./candidate.js";
import { type CustomReviewers, type ReviewResult, runCustomReviewer } from "./custom-reviewer.js";
import type { PanelRunTracker } from "./panel-run-tracker.js";
import { type GetSettings, type NodeRuntime, emit, getCallConfig, getSettings as getContextSettings } from "./runtime.js";

/** Options of {@link createReviewerNode}. */
export interface ReviewerNodeOptions {
  /** Makes the reviewers' model calls. */
  readonly callModel: CallModel;
  readonly tracker: PanelRunTracker;
  /** Reviewers in code, by the name they have in `settings.panel`. Default: models review. */
  readonly customReviewers?: CustomReviewers;
  /** Returns the settings of a run. Default: reads the run's context. */
  readonly getSettings?: GetSettings;
}

interface ReviewOutcome {
  readonly result: ReviewResult;
  readonly calls: CallUsage[];
}

/**
 * Creates the node that reviews the newest response as one member of the panel.
 *
 * A reviewer whose endpoint fails, or that gives no usable response, abstains. The aggregating node checks the quorum.
 * Configuration errors (`configurationErrorCodes`) fail the run instead of counting as abstentions.
 */
export function createReviewerNode({ callModel, tracker, customReviewers = {}, getSettings = getContextSettings }: ReviewerNodeOptions) {
  // A map, because names are free text and every object has a "constructor".
  const custom = new Map(Object.entries(customReviewers));
  return async (task: ReviewTask, runtime: NodeRuntime): Promise<Pick<ConversationUpdate, "turns">> => {
    const settings = getSettings(runtime);
    const { turn, reviewer } = task;
    const member = getMember(settings, reviewer);
    const customReviewer = custom.get(reviewer);
    const { result, calls } = await tracker.run(runtime, async () =>
      customReviewer
        ? { result: await runCustomReviewer(customReviewer, member, task, settings, runtime), calls: [] }
        : reviewWithModel(callModel, member, task, settings, runtime),
    );
    if ("code" in result) {
      const abstention = { reviewer, ...result };
      emit(runtime, { type: "abstention", turn, ...abstention });
      return { turns: [{ turn, abstentions: [abstention], calls }] };
    }
    const review = { reviewer, ...result };
    emit(runtime, { type: "review", turn, ...review });
    return { turns: [{ turn, reviews: [review], calls }] };
  };
}

function getMember({ panel }: ResolvedSettings, name: string): ResolvedReviewer {
  const member = panel.find((reviewer) => reviewer.name === name);
  if (member) return member;
  const others = panel.map((reviewer) => reviewer.name).join(", ");
  throw new InputError(`the panel has no reviewer "${name}", only ${others}: its settings changed since the review was planned`, { field: "panel" });
}

async function reviewWithModel(
  callModel: CallModel,
  member: ResolvedReviewer,
  { turn, evolution, messages }: ReviewTask,
  settings: ResolvedSettings,
  runtime: NodeRuntime,
): Promise<ReviewOutcome> {
  const { name, focus, ...modelSettings } = member;
  const caller = { name, group: "reviewer" };
  const outcome = await callWithRepair(
    callModel,
    {
      caller,
      settings: modelSettings,
      messages: buildReviewerPrompt(settings, { name, focus }, toConversationMessages(messages)),
      responseFormat: reviewResponseSchema,
    },
    { parse: parseReview, maxAttempts: maxResponseAttempts },
    getCallConfig(runtime, { caller, turn, evolution, model: member.model, promptVersion: reviewerPromptVersion }),
  );
  if ("error" in outcome && configurationErrorCodes.includes(outcome.error.code)) throw outcome.error;
  return { result: "error" in outcome ? toAbstention(outcome.error) : outcome.value, calls: outcome.calls };
}

function toAbstention(error: InvalidResponseError | ModelCallError): ReviewResult {
  const { code, message: reason, details } = error;
  return { code, reason, attempts: details.attempts, ...(error instanceof InvalidResponseError && { rawText: error.details.rawText }) };
}
