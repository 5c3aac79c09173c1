import { ModelCallError, type ReplyError } from "../errors.js";
import { parseReview, reviewReplySchema, reviewerMessages, reviewerPromptVersion } from "../prompts/reviewer.js";
import { type ConversationUpdate, type ReviewTask, dialogueOf } from "../state/conversation.js";
import type { CallUsage } from "../state/records.js";
import { modelFor } from "../state/settings.js";
import { type Asked, ask } from "./ask.js";
import { replyAttempts } from "./candidate.js";
import type { ModelAccess } from "./model-access.js";
import type { PanelAttendance } from "./attendance.js";
import { type NodeRuntime, callConfig, emit, settingsOf } from "./runtime.js";

/**
 * Judges the newest answer as one member of the panel. A reviewer that cannot (endpoint fails for good, no usable reply)
 * abstains, with the reason on record; whether enough remain is the verdict's business.
 */
export function createReviewer(models: ModelAccess, attendance: PanelAttendance) {
  return async ({ reviewer, turn, evolution, messages }: ReviewTask, runtime: NodeRuntime): Promise<Pick<ConversationUpdate, "turns">> => {
    const settings = settingsOf(runtime);
    attendance.note(runtime);
    const model = modelFor(settings, reviewer);
    const asked = await abstainOnFailure(
      ask(
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
      ),
    );
    if ("error" in asked) {
      const abstention = { reviewer: reviewer.name, code: asked.error.code, reason: asked.error.message };
      emit(runtime, { type: "abstention", turn, ...abstention });
      return { turns: [{ turn, abstentions: [abstention], calls: asked.calls }] };
    }
    const review = { reviewer: reviewer.name, ...asked.value };
    emit(runtime, { type: "review", turn, ...review });
    return { turns: [{ turn, reviews: [review], calls: asked.calls }] };
  };
}

/** A wrong key or model name is for the user to mend, at once: with abstentions it would only weaken every verdict. */
const mistakes: readonly string[] = ["model_unauthorized", "model_misconfigured"];

/** Failures of this reviewer alone become a result; everything else (mistakes, abort, budget, shutdown) stops the run. */
async function abstainOnFailure<T>(asking: Promise<Asked<T>>): Promise<Asked<T> | { calls: CallUsage[]; error: ModelCallError | ReplyError }> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof ModelCallError && !mistakes.includes(error.code)) return { calls: [], error };
    throw error;
  }
}
