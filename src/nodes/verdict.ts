import { QuorumError } from "../errors.js";
import { type ConversationState, type ConversationUpdate, currentTurn } from "../state/conversation.js";
import type { Abstention, Review } from "../state/records.js";
import { type Settings, type VerdictSide, seatedPanel } from "../state/settings.js";
import type { PanelAttendance } from "./attendance.js";
import { type NodeRuntime, emit, settingsOf } from "./runtime.js";

/** The side most reviews are on; a tie goes to `tieBreak` (depth: negative, breadth: positive). */
export function majority(reviews: readonly Pick<Review, "verdict">[], tieBreak: Settings["tieBreak"]): VerdictSide {
  const positive = reviews.filter((review) => review.verdict === "positive").length;
  const lead = 2 * positive - reviews.length;
  if (lead === 0) return tieBreak === "breadth" ? "positive" : "negative";
  return lead > 0 ? "positive" : "negative";
}

/**
 * Rules on the newest answer, in code. Below the quorum it throws `QuorumError`; a later run that resumes here calls the
 * missing reviewers back instead (the router does, as the turn then has no verdict).
 */
export function createVerdict(attendance: PanelAttendance) {
  return (state: Pick<ConversationState, "turns">, runtime: NodeRuntime): Pick<ConversationUpdate, "turns"> => {
    const settings = settingsOf(runtime);
    const { turn, reviews, abstentions } = currentTurn(state);
    const quorum = Math.min(settings.quorum, seatedPanel(settings).length);
    if (reviews.length < quorum) {
      if (attendance.satInThisRun(runtime)) throw belowQuorum(turn, reviews.length, quorum, abstentions);
      return {};
    }
    const verdict = majority(reviews, settings.tieBreak);
    const positive = reviews.filter((review) => review.verdict === "positive").length;
    emit(runtime, { type: "verdict", turn, verdict, positive, negative: reviews.length - positive });
    return { turns: [{ turn, verdict }] };
  };
}

function belowQuorum(turn: number, reviews: number, quorum: number, abstentions: readonly Abstention[]): QuorumError {
  const reasons = abstentions.map(({ reviewer, reason }) => `${reviewer}: ${reason}`).join(" | ");
  const attempts = abstentions.reduce((sum, abstention) => sum + (abstention.attempts ?? 0), 0);
  const rawText = abstentions.flatMap((abstention) => abstention.rawText ?? []).join("\n\n") || null;
  return new QuorumError(
    `turn ${turn}: ${reviews} of the ${quorum} reviews that a verdict needs. Resume the thread to ask the missing reviewers again, or lower \`quorum\`. ${reasons}`,
    { turn, reviews, quorum, abstentions, attempts, rawText },
  );
}
