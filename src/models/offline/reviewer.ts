import { type ReviewDimension, type Review, type ReviewScores, reviewDimensions } from "../../state/records.js";
import { type Weakness, critiqueText, weaknesses } from "./critique.js";
import { type AnswerFeatures, measureAnswer } from "./features.js";

/** What a reviewer is shown. */
export interface ReviewMatter {
  readonly instruction: string;
  readonly answer: string;
  readonly wordLimit: number;
  /** Dimensions this reviewer looks at hardest; none: all alike. */
  readonly focus: readonly ReviewDimension[];
}

/** Points that a weakness at its full severity takes from each dimension. */
const losses: Record<Weakness, Record<ReviewDimension, number>> = {
  missing: { usefulness: 4, relevance: 8, accuracy: 2, depth: 2, creativity: 1 },
  short: { usefulness: 3, relevance: 1, accuracy: 0, depth: 4, creativity: 2 },
  long: { usefulness: 2, relevance: 3, accuracy: 0, depth: 0, creativity: 0 },
  hedged: { usefulness: 2, relevance: 1, accuracy: 6, depth: 2, creativity: 1 },
  repeated: { usefulness: 2, relevance: 1, accuracy: 1, depth: 3, creativity: 5 },
  reasonless: { usefulness: 1, relevance: 0, accuracy: 2, depth: 5, creativity: 1 },
  exampleless: { usefulness: 2, relevance: 0, accuracy: 0, depth: 2, creativity: 3 },
  shapeless: { usefulness: 3, relevance: 0, accuracy: 0, depth: 0, creativity: 1 },
};

/** The score of an answer with no measured weakness; a 10 would say more than a measure can. */
const flawless = 9;
/** A dimension in focus counts this often in the mean. */
const focusWeight = 3;
/** The lowest weighted mean, and the lowest score in focus, that are still positive. */
const passMark = 6;
const floor = 5;
/** A weakness that takes fewer points than this from the weighted mean goes unmentioned. */
const trifle = 0.8;

/**
 * Judges an answer by what can be measured of it. For each dimension
 *
 *     score = round(9 - sum over weaknesses of severity (0 to 1) * loss), kept within 1 to 10
 *
 * and the verdict is positive when the mean of the five scores, those in focus counted threefold, reaches 6 and no score in
 * focus falls below 5. The critique names the one or two weaknesses that took most from that mean.
 */
export function reviewAnswer({ instruction, answer, wordLimit, focus }: ReviewMatter): Omit<Review, "reviewer"> {
  const features = measureAnswer(answer, instruction, wordLimit);
  const severities = severitiesOf(features);
  const scoreOf = (dimension: ReviewDimension) => {
    const lost = weaknesses.reduce((sum, weakness) => sum + severities[weakness] * losses[weakness][dimension], 0);
    return Math.min(10, Math.max(1, Math.round(flawless - lost)));
  };
  const scores: ReviewScores = {
    usefulness: scoreOf("usefulness"),
    relevance: scoreOf("relevance"),
    accuracy: scoreOf("accuracy"),
    depth: scoreOf("depth"),
    creativity: scoreOf("creativity"),
  };
  const seen = (values: Record<ReviewDimension, number>) => weightedMean(values, focus);
  const weighty = weaknesses
    .map((weakness) => ({ weakness, cost: severities[weakness] * seen(losses[weakness]) }))
    .filter(({ cost }) => cost >= trifle)
    .sort((a, b) => b.cost - a.cost)
    .slice(0, 2);
  const critique = critiqueText(
    features,
    weighty.map(({ weakness }) => weakness),
    focus,
  );
  const sound = seen(scores) >= passMark && focus.every((dimension) => scores[dimension] >= floor);
  return { critique, scores, verdict: sound ? "positive" : "negative" };
}

function weightedMean(values: Record<ReviewDimension, number>, focus: readonly ReviewDimension[]): number {
  const weights = reviewDimensions.map((dimension) => (focus.includes(dimension) ? focusWeight : 1));
  const sum = reviewDimensions.reduce((total, dimension, index) => total + values[dimension] * (weights[index] ?? 1), 0);
  return sum / weights.reduce((total, weight) => total + weight, 0);
}

/** How far each weakness goes, 0 (not at all) to 1. */
function severitiesOf(features: AnswerFeatures): Record<Weakness, number> {
  const { words, sentences, paragraphs, listItems, wordLimit, coverage, hedgeCount, repeated, reasons, examples } = features;
  const enough = Math.min(60, wordLimit / 2);
  return {
    missing: 1 - coverage,
    short: 1 - Math.min(1, words / enough),
    long: Math.min(1, Math.max(0, words / wordLimit - 1)),
    hedged: Math.min(1, hedgeCount / Math.max(1, sentences)),
    repeated: repeated ? Math.min(1, (repeated.times - 2) / 3) : 0,
    reasonless: 1 - Math.min(1, reasons / 2),
    exampleless: examples > 0 ? 0 : 1,
    shapeless: sentences > 2 && paragraphs < 2 && listItems < 2 ? 1 : 0,
  };
}
