import { type ModelCallError, ReplyError, mistakes } from "../errors.js";
import { parseReview, reviewReplySchema, reviewerMessages, reviewerPromptVersion } from "../prompts/reviewer.js";
import { type ConversationUpdate, type ReviewTask, dialogueOf } from "../state/conversation.js";
import type { CallUsage } from "../state/records.js";
import { type Settings, modelFor } from "../state/settings.js";
import { ask } from "./ask.js";
import type { PanelAttendance } from "./attendance.js";
import { replyAttempts } from "./candidate.js";
import { type CustomReviewers, type ReviewerWord, askCustom } from "./custom-reviewer.js";
import type { ModelAccess } from "./model-access.js";
import { type NodeRuntime, callConfig, emit, settingsOf } from "./runtime.js";

/** What one reviewer has to say, and the calls that it took. */
interface Heard {
  readonly word: ReviewerWord;
  readonly calls: CallUsage[];
}

/**
 * Judges the newest answer as one member of the panel: by a model, or in its own way where `custom` holds its name. A
 * reviewer that cannot (endpoint fails for good, no usable reply) abstains, with the reason on record; whether enough remain
 * is the verdict's business. What is for the user to mend (`mistakes`) ends the run: with abstentions it would only weaken
 * every verdict.
 */
export function createReviewer(models: ModelAccess, attendance: PanelAttendance, custom: CustomReviewers = {}) {
  // A map: names are free text, and an object would know "constructor".
  const own = new Map(Object.entries(custom));
  return async (task: ReviewTask, runtime: NodeRuntime): Promise<Pick<ConversationUpdate, "turns">> => {
    const settings = settingsOf(runtime);
    const { turn } = task;
    const reviewer = task.reviewer.name;
    const review = own.get(reviewer);
    const { word, calls } = await attendance.hear(runtime, async () =>
      review ? { word: await askCustom(review, task, settings, runtime), calls: [] } : askModel(models, task, settings, runtime),
    );
    if ("code" in word) {
      const abstention = { reviewer, ...word };
      emit(runtime, { type: "abstention", turn, ...abstention });
      return { turns: [{ turn, abstentions: [abstention], calls }] };
    }
    const reviewed = { reviewer, ...word };
    emit(runtime, { type: "review", turn, ...reviewed });
    return { turns: [{ turn, reviews: [reviewed], calls }] };
  };
}

async function askModel(
  models: ModelAccess,
  { reviewer, turn, evolution, messages }: ReviewTask,
  settings: Settings,
  runtime: NodeRuntime,
): Promise<Heard> {
  const model = modelFor(settings, reviewer);
  const asked = await ask(
    models,
    {
      role: "reviewer",
      reviewer: reviewer.name,
      settings: model,
      messages: reviewerMessages(settings, reviewer, dialogueOf(messages)),
      reply: reviewReplySchema,
    },
    { parse: parseReview, attempts: replyAttempts },
    callConfig(runtime, { role: "reviewer", reviewer: reviewer.name, turn, evolution, model: model.model, promptVersion: reviewerPromptVersion }),
  );
  if ("error" in asked && mistakes.includes(asked.error.code)) throw asked.error;
  return { word: "error" in asked ? abstentionOf(asked.error) : asked.value, calls: asked.calls };
}

function abstentionOf(error: ReplyError | ModelCallError): ReviewerWord {
  const { code, message: reason, facts } = error;
  return { code, reason, attempts: facts.attempts, ...(error instanceof ReplyError && { rawText: error.facts.rawText }) };
}
