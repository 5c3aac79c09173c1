import { z } from "zod";

import { VerdictSide } from "./settings.js";

/** The five dimensions of a review (paper, section "Review"). */
export const dimensions = ["usefulness", "relevance", "accuracy", "depth", "creativity"] as const;
/** One of {@link dimensions}. */
export type Dimension = (typeof dimensions)[number];

const score = z.number().min(1).max(10);
/** A score for each dimension, from 1 (worst) to 10 (best). */
export const Scores = z.object({ usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score });
export type Scores = z.infer<typeof Scores>;

/** One reviewer's judgement of one answer. */
export const Review = z.object({
  reviewer: z.string(),
  scores: Scores,
  verdict: VerdictSide,
  critique: z.string().min(1),
});
export type Review = z.infer<typeof Review>;

/** A reviewer that could not give a review, and why. */
export const Abstention = z.object({
  reviewer: z.string(),
  code: z.string(),
  reason: z.string(),
  /** Replies asked for, or attempts at the call. */
  attempts: z.int().optional(),
  /** The last reply, where it was one that could not be used. */
  rawText: z.string().optional(),
});
export type Abstention = z.infer<typeof Abstention>;

/** Where an instruction came from: the seed, a positive verdict, a negative one, or no review at all. */
export const Evolution = z.enum(["seed", "breadth", "depth", "follow_up"]);
export type Evolution = z.infer<typeof Evolution>;

/** Who calls a model. The verdict is counted in code and calls none. */
export const Role = z.enum(["candidate", "reviewer", "chairman"]);
export type Role = z.infer<typeof Role>;

/** One model call. Tokens as the endpoint counted them; null where it did not say. */
export const CallUsage = z.object({
  role: Role,
  reviewer: z.string().optional(),
  model: z.string(),
  inputTokens: z.int().nullable(),
  outputTokens: z.int().nullable(),
  /** The run of this call in traces, where it was traced; kept, so that a review after a resume still finds its answer. */
  runId: z.string().optional(),
  /** Came out of the response cache and was not paid for. */
  cached: z.literal(true).optional(),
});
export type CallUsage = z.infer<typeof CallUsage>;

/**
 * What is known of a turn beside its two messages, which the conversation itself holds.
 * `verdict` is null until the panel has ruled, and stays null where nobody reviewed.
 */
export const Turn = z.object({
  turn: z.int().min(1),
  /** Place of the instruction among the user messages of the conversation, from 0; its response follows it. */
  position: z.int().min(0),
  evolution: Evolution,
  reviews: z.array(Review),
  abstentions: z.array(Abstention),
  verdict: VerdictSide.nullable(),
  calls: z.array(CallUsage),
});
export type Turn = z.infer<typeof Turn>;

/** A change to one turn. `evolution` opens it (at `position`, else right after the turn before); everything else adds to it. */
export const TurnUpdate = Turn.partial().required({ turn: true });
export type TurnUpdate = z.infer<typeof TurnUpdate>;

/** Why a conversation stopped before its last turn. It is valid as far as it goes. */
export const EarlyEnding = z.object({
  reason: z.enum(["no_new_instruction", "ended_by_person"]),
  detail: z.string(),
});
export type EarlyEnding = z.infer<typeof EarlyEnding>;

/**
 * Adds updates to the turns on record. A reviewer has one word in a turn, its latest: a review takes the place of an
 * earlier review or abstention by the same reviewer, so that a panel called back after a failure leaves one entry each.
 * A turn that is opened again (a fork) starts afresh and drops the turns after it.
 */
export function recordTurns(turns: readonly Turn[], updates: readonly TurnUpdate[]): Turn[] {
  return updates.reduce<Turn[]>((recorded, update) => recordTurn(recorded, update), [...turns]);
}

function recordTurn(turns: Turn[], update: TurnUpdate): Turn[] {
  const opened = update.evolution ? emptyTurn(update, update.evolution, turns) : turns.find((turn) => turn.turn === update.turn);
  if (!opened) throw new RangeError(`turn ${update.turn} was never opened`);
  const heard = new Set([...(update.reviews ?? []), ...(update.abstentions ?? [])].map((word) => word.reviewer));
  const merged: Turn = {
    ...opened,
    reviews: [...opened.reviews.filter((review) => !heard.has(review.reviewer)), ...(update.reviews ?? [])],
    abstentions: [...opened.abstentions.filter((abstention) => !heard.has(abstention.reviewer)), ...(update.abstentions ?? [])],
    verdict: update.verdict ?? opened.verdict,
    calls: [...opened.calls, ...(update.calls ?? [])],
  };
  const others = turns.filter((turn) => (update.evolution ? turn.turn < update.turn : turn.turn !== update.turn));
  return [...others, merged].sort((a, b) => a.turn - b.turn);
}

function emptyTurn({ turn, position }: TurnUpdate, evolution: Evolution, turns: readonly Turn[]): Turn {
  const before = turns.findLast((earlier) => earlier.turn < turn)?.position ?? -1;
  return { turn, position: position ?? before + 1, evolution, reviews: [], abstentions: [], verdict: null, calls: [] };
}
