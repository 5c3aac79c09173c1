import { z } from "zod";

import { InputError } from "../errors.js";
import { type ConversationMessage, type ReviewTask, toConversationMessages } from "../state/conversation.js";
import { Abstention, Review } from "../state/records.js";
import type { ResolvedReviewer, ResolvedSettings } from "../state/resolve-settings.js";
import type { NodeRuntime } from "./runtime.js";

/** Input of a custom reviewer. */
export interface ReviewInput {
  /** The newest instruction. */
  readonly instruction: string;
  /** The response to review. */
  readonly response: string;
  /** The whole conversation; the last two messages are the instruction and the response. */
  readonly messages: readonly ConversationMessage[];
  /** The panel member that this reviewer replaces. */
  readonly reviewer: ResolvedReviewer;
  /** Settings of the run. */
  readonly settings: ResolvedSettings;
}

/** A review, or a code and a reason to abstain. The panel adds the reviewer's name. */
export type ReviewResult = Omit<Review, "reviewer"> | Omit<Abstention, "reviewer">;

/**
 * Reviews a response in code, with a service, or with its own model.
 *
 * Replaces the panel member of the same name and runs in parallel with the others. Return a review, or `{ code, reason }` to
 * abstain. An exception fails the run; a resume calls the reviewer again. `runtime.signal` is aborted when the run stops.
 */
export type CustomReviewer = (input: ReviewInput, runtime: NodeRuntime) => ReviewResult | Promise<ReviewResult>;

/** Custom reviewers by the name they have in `settings.panel`. One that the panel does not name is never called. */
export type CustomReviewers = Readonly<Record<string, CustomReviewer>>;

const CustomReviewResult = z.union([Review.omit({ reviewer: true }), Abstention.omit({ reviewer: true })]);

/**
 * Calls a custom reviewer and validates what it returns.
 *
 * @throws {InputError} If that is neither a review nor an abstention.
 */
export async function runCustomReviewer(
  review: CustomReviewer,
  reviewer: ResolvedReviewer,
  task: Pick<ReviewTask, "messages">,
  settings: ResolvedSettings,
  runtime: NodeRuntime,
): Promise<ReviewResult> {
  const messages = toConversationMessages(task.messages);
  const [instruction, response] = messages.slice(-2);
  const returned = await review(
    { instruction: instruction?.content ?? "", response: response?.content ?? "", messages, reviewer, settings },
    runtime,
  );
  const result = CustomReviewResult.safeParse(returned);
  if (result.success) return result.data;
  throw new InputError(`custom reviewer "${reviewer.name}" returned neither a review nor an abstention:\n${z.prettifyError(result.error)}`, {
    field: `customReviewers.${reviewer.name}`,
  });
}
