import { QuorumError } from "../errors.js";
import { type ConversationState, type ConversationUpdate, getCurrentTurn } from "../state/conversation.js";
import type { Abstention, Review } from "../state/records.js";
import type { Settings, Verdict } from "../state/settings.js";
import { hasOutgrownPanel, stopAtContextOverflow } from "./context-overflow.js";
import type { PanelRunTracker } from "./panel-run-tracker.js";
import { type GetSettings, type NodeRuntime, emit, getSettings as getContextSettings } from "./runtime.js";

/** Returns the verdict of most reviews. `tieBreak` decides a tie: depth means negative, breadth positive. */
export function majorityVerdict(reviews: readonly Pick<Review, "verdict">[], tieBreak: Settings["tieBreak"]): Verdict {
  const positive = reviews.filter((review) => review.verdict === "positive").length;
  const lead = 2 * positive - reviews.length;
  if (lead === 0) return tieBreak === "breadth" ? "positive" : "negative";
  return lead > 0 ? "positive" : "negative";
}

/** Options of {@link createAggregateReviewsNode}. */
export interface AggregateReviewsNodeOptions {
  readonly tracker: PanelRunTracker;
  /** Returns the settings of a run. Default: reads the run's context. */
  readonly getSettings?: GetSettings;
  /**
   * Whether a missed quorum ends the conversation, in the channel `earlyStop`, if a later turn no longer fits the reviewers' contexts.
   * @default false
   */
  readonly stopsAtContextOverflow?: boolean;
}

/**
 * Creates the node that counts the reviews of the newest response and records the verdict.
 *
 * The node throws `QuorumError` when the quorum is missed. A later run that resumes here records no verdict instead, and the
 * router then calls the missing reviewers.
 */
export function createAggregateReviewsNode(options: AggregateReviewsNodeOptions) {
  const { tracker, getSettings = getContextSettings, stopsAtContextOverflow = false } = options;
  return (state: Pick<ConversationState, "turns">, runtime: NodeRuntime): Pick<ConversationUpdate, "turns" | "earlyStop"> => {
    const { panel, quorum, tieBreak } = getSettings(runtime);
    const currentTurn = getCurrentTurn(state);
    const { turn, reviews, abstentions } = currentTurn;
    if (reviews.length < quorum) {
      if (!tracker.hasRunReviewers(runtime)) return {};
      if (!stopsAtContextOverflow || !hasOutgrownPanel(currentTurn, panel.length, quorum))
        throw createQuorumError(turn, reviews.length, quorum, abstentions);
      const message = `turn ${turn} no longer fits the context of enough reviewers: ${formatAbstentions(abstentions)}`;
      return { earlyStop: stopAtContextOverflow(runtime, turn, message) };
    }
    const verdict = majorityVerdict(reviews, tieBreak);
    const positive = reviews.filter((review) => review.verdict === "positive").length;
    emit(runtime, { type: "verdict", turn, verdict, positive, negative: reviews.length - positive });
    return { turns: [{ turn, verdict }] };
  };
}

function createQuorumError(turn: number, reviews: number, quorum: number, abstentions: readonly Abstention[]): QuorumError {
  const reasons = formatAbstentions(abstentions);
  const attempts = abstentions.reduce((sum, abstention) => sum + (abstention.attempts ?? 0), 0);
  const rawText = abstentions.flatMap((abstention) => abstention.rawText ?? []).join("\n\n") || null;
  return new QuorumError(
    `turn ${turn}: ${reviews} of the ${quorum} reviews that a verdict needs. Resume the thread to call the missing reviewers again, or lower \`quorum\`. ${reasons}`,
    { turn, reviews, quorum, abstentions, attempts, rawText },
  );
}

function formatAbstentions(abstentions: readonly Abstention[]): string {
  return abstentions.map(({ reviewer, reason }) => `${reviewer}: ${reason}`).join(" | ");
}
