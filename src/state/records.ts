import { z } from "zod";

import { Verdict } from "./settings.js";

/** The five dimensions of a review (paper, section "Review"). */
export const reviewDimensions = ["usefulness", "relevance", "accuracy", "depth", "creativity"] as const;
/** One of {@link reviewDimensions}. */
export type ReviewDimension = (typeof reviewDimensions)[number];

/** Creates the schema of scores in all five dimensions from the schema of one score. */
export function createScoresSchema<Score extends z.ZodType<number>>(score: Score) {
  return z.object({ usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score });
}

/** A score per dimension, from 1 (worst) to 10 (best). */
export const ReviewScores = createScoresSchema(z.number().min(1).max(10));
export type ReviewScores = z.infer<typeof ReviewScores>;

/** One reviewer's review of one response. */
export const Review = z.object({
  reviewer: z.string(),
  scores: ReviewScores,
  verdict: Verdict,
  critique: z.string().min(1),
});
export type Review = z.infer<typeof Review>;

/** A reviewer that gave no review, and why. */
export const Abstention = z.object({
  reviewer: z.string(),
  code: z.string(),
  reason: z.string(),
  /** Responses requested, or attempts at the call. */
  attempts: z.int().optional(),
  /** The last response, if it could not be used. */
  rawText: z.string().optional(),
});
export type Abstention = z.infer<typeof Abstention>;

/** Origin of an instruction: the seed, a positive verdict (breadth), a negative one (depth), or no review (follow_up). */
export const Evolution = z.enum(["seed", "breadth", "depth", "follow_up"]);
export type Evolution = z.infer<typeof Evolution>;

/** Usage of one model call. Tokens as the endpoint counted them; null where it did not say. */
export const CallUsage = z.object({
  /** The role, or the reviewer's name where `group` is `reviewer`. */
  caller: z.string(),
  /** Group of callers with a common prompt; empty where there is none. */
  group: z.string(),
  model: z.string(),
  inputTokens: z.int().nullable(),
  outputTokens: z.int().nullable(),
  /** Run id of a traced call; a review after a resume finds its response by it. */
  runId: z.string().optional(),
  /** Set on a response from the cache, which cost nothing. */
  cached: z.literal(true).optional(),
  /** Set if the endpoint seems to have cut the prompt. */
  promptCut: z.literal(true).optional(),
});
export type CallUsage = z.infer<typeof CallUsage>;

/** Everything recorded about a turn except its two messages. `verdict` is null without reviews. */
export const Turn = z.object({
  turn: z.int().min(1),
  /** Index of the instruction among the user messages of the conversation, from 0; its response follows it. */
  userMessageIndex: z.int().min(0),
  evolution: Evolution,
  reviews: z.array(Review),
  abstentions: z.array(Abstention),
  verdict: Verdict.nullable(),
  calls: z.array(CallUsage),
  /** The candidate's reasoning, if the setting `keepReasoning` asks for it. */
  reasoning: z.string().optional(),
});
export type Turn = z.infer<typeof Turn>;

/**
 * A change to one turn. `evolution` starts the turn (at `userMessageIndex`, else after the previous turn), `dropped` removes it,
 * other fields add to it.
 */
export const TurnUpdate = Turn.partial()
  .required({ turn: true })
  .extend({ dropped: z.literal(true).optional() });
export type TurnUpdate = z.infer<typeof TurnUpdate>;

/** Why a conversation stopped before its last turn. It is valid up to there. */
export const EarlyStop = z.object({
  reason: z.enum(["no_valid_instruction", "context_overflow", "stopped_by_human"]),
  message: z.string(),
});
export type EarlyStop = z.infer<typeof EarlyStop>;

/**
 * Applies updates to the recorded turns.
 *
 * Keeps at most one entry per reviewer and turn: a new review replaces that reviewer's earlier review or abstention. A turn
 * that is started again (a fork) begins empty and drops later turns.
 *
 * @throws {RangeError} For an update to a turn that was never started.
 */
export function turnsReducer(turns: readonly Turn[], updates: readonly TurnUpdate[]): Turn[] {
  return updates.reduce<Turn[]>((recorded, update) => applyTurnUpdate(recorded, update), [...turns]);
}

function applyTurnUpdate(turns: Turn[], update: TurnUpdate): Turn[] {
  if (update.dropped) return turns.filter((turn) => turn.turn !== update.turn);
  const started = update.evolution ? createTurn(update, update.evolution, turns) : turns.find((turn) => turn.turn === update.turn);
  if (!started) throw new RangeError(`turn ${update.turn} was never started`);
  const updatedReviewers = new Set([...(update.reviews ?? []), ...(update.abstentions ?? [])].map((result) => result.reviewer));
  const merged: Turn = {
    ...started,
    reviews: [...started.reviews.filter((review) => !updatedReviewers.has(review.reviewer)), ...(update.reviews ?? [])],
    abstentions: [...started.abstentions.filter((abstention) => !updatedReviewers.has(abstention.reviewer)), ...(update.abstentions ?? [])],
    verdict: update.verdict ?? started.verdict,
    calls: [...started.calls, ...(update.calls ?? [])],
    ...(update.reasoning !== undefined && { reasoning: update.reasoning }),
  };
  const others = turns.filter((turn) => (update.evolution ? turn.turn < update.turn : turn.turn !== update.turn));
  return [...others, merged].sort((a, b) => a.turn - b.turn);
}

function createTurn({ turn, userMessageIndex }: TurnUpdate, evolution: Evolution, turns: readonly Turn[]): Turn {
  const previous = turns.findLast((earlier) => earlier.turn < turn)?.userMessageIndex ?? -1;
  return { turn, userMessageIndex: userMessageIndex ?? previous + 1, evolution, reviews: [], abstentions: [], verdict: null, calls: [] };
}
