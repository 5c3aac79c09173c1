import { z } from "zod";

import { InputError } from "../errors.js";
import { type DialogueLine, type ReviewTask, dialogueOf } from "../state/conversation.js";
import { Abstention, Review } from "../state/records.js";
import type { ReviewerSettings, Settings } from "../state/settings.js";
import type { NodeRuntime } from "./runtime.js";

/** What a custom reviewer is shown. */
export interface AnswerUnderReview {
  readonly instruction: string;
  readonly answer: string;
  /** The whole conversation as plain lines; its last two are the instruction and the answer. */
  readonly dialogue: readonly DialogueLine[];
  /** The reviewer's place on the panel, as the settings have it. */
  readonly reviewer: ReviewerSettings;
  readonly settings: Settings;
}

/** A review, or, with a code and a reason, why there is none; without the reviewer's name, which the panel knows. */
export type ReviewerWord = Omit<Review, "reviewer"> | Omit<Abstention, "reviewer">;

/**
 * Reviews in its own way: by a rule in code, through a service, with a model of its own. It takes the seat that the panel
 * gives to its name, its word counts as any other's, and it runs beside the others. What it throws ends the run (a resume
 * asks it again); to stand aside, it returns `{ code, reason }`. `runtime.signal` says when to stop.
 */
export type CustomReviewer = (answer: AnswerUnderReview, runtime: NodeRuntime) => ReviewerWord | Promise<ReviewerWord>;

/** Custom reviewers by the name that they have in `settings.panel`. Where a panel lacks the name, nobody asks them. */
export type CustomReviewers = Readonly<Record<string, CustomReviewer>>;

const Word = z.union([Review.omit({ reviewer: true }), Abstention.omit({ reviewer: true })]);

/** Throws `InputError` when the reviewer returned neither a review nor an abstention. */
export async function askCustom(review: CustomReviewer, task: ReviewTask, settings: Settings, runtime: NodeRuntime): Promise<ReviewerWord> {
  const dialogue = dialogueOf(task.messages);
  const [instruction, answer] = dialogue.slice(-2);
  const word = Word.safeParse(
    await review({ instruction: instruction?.content ?? "", answer: answer?.content ?? "", dialogue, reviewer: task.reviewer, settings }, runtime),
  );
  if (word.success) return word.data;
  throw new InputError(`custom reviewer "${task.reviewer.name}" returned neither a review nor an abstention:\n${z.prettifyError(word.error)}`, {
    field: `reviewers.${task.reviewer.name}`,
  });
}
