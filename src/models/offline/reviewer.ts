import { type ReviewDimension, type Review, ReviewScores, reviewDimensions } from "../../state/records.js";
import { type Language, fillPhrase, phrases } from "./phrases.js";
import { getTopics, noTopic } from "./text.js";

/** What a reviewer is shown. */
export interface ReviewTask {
  readonly instruction: string;
  readonly answer: string;
  /** The reviewDimensions that this reviewer looks at hardest. */
  readonly focus: readonly ReviewDimension[];
  readonly language: Language;
}

/** The words that each check looks for: for accuracy those that harm it, else those that serve it. */
const signs = {
  usefulness: /\b(?:first|zuerst|d['’]abord|primero)\b|首先|^[ \t]*1[.)] /im,
  accuracy: /\b(?:perhaps|maybe|vielleicht|peut-être|quizás)\b|也许/i,
  depth: /\b(?:because|weil|parce que|porque)\b|因为/i,
  creativity: /\b(?:for example|such as|zum beispiel|par exemple|por ejemplo)\b|例如/i,
};
/** Up to eight words: four or more without a comma, else what there is. */
const wordRun = /[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]{0,29}(?:(?: [\p{L}\p{M}\p{N}'’-]{1,30}){3,7}|(?:,? [\p{L}\p{M}\p{N}'’-]{1,30}){0,7})/u;

/**
 * Reviews an answer by one check for each dimension. Relevance wants every topic of the instruction, usefulness a first step,
 * accuracy no hedging word, depth a reason, creativity an example. A check that holds gives 8 and one that fails 4; in the
 * focus 9 and 3. The verdict is positive when every check in the focus holds and at most two others fail.
 */
export function reviewAnswer({ instruction, answer, focus, language }: ReviewTask): Omit<Review, "reviewer"> {
  const topics = getTopics(instruction);
  const missed = topics.find((topic) => topic !== noTopic && !answer.toLowerCase().includes(topic.toLowerCase()));
  const isGood = (dimension: ReviewDimension) =>
    dimension === "relevance" ? missed === undefined : signs[dimension].test(answer) === (dimension !== "accuracy");
  const getScore = (dimension: ReviewDimension) => (focus.includes(dimension) ? (isGood(dimension) ? 9 : 3) : isGood(dimension) ? 8 : 4);
  const fault = focus.find((dimension) => !isGood(dimension));
  const otherFaults = reviewDimensions.filter((dimension) => !isGood(dimension) && !focus.includes(dimension));

  const words = phrases[language];
  const shown = fault ?? focus[0] ?? "relevance";
  const [missing] = fault ? [fault] : otherFaults;
  const critique = fillPhrase(fault ? words.lacks : words.shows, {
    quote: fillPhrase(words.quote, { text: findWords(answer, shown) }),
    topic: fillPhrase(words.quote, { text: (fault === "relevance" && missed) || (topics[0] ?? noTopic) }),
    given: words.parts[shown],
    missing: missing ? words.parts[missing] : words.limits,
  });
  return {
    critique: language === "other" ? `(in English) ${critique}` : critique,
    scores: ReviewScores.parse(Object.fromEntries(reviewDimensions.map((dimension) => [dimension, getScore(dimension)]))),
    verdict: fault === undefined && otherFaults.length <= 2 ? "positive" : "negative",
  };
}

/** Finds a few words of the answer to quote: those that show the dimension, else the first ones after the marker. */
function findWords(answer: string, dimension: ReviewDimension): string {
  const at = dimension === "relevance" ? -1 : answer.search(signs[dimension]);
  const start = at < 0 ? answer.replace(/^\s*[(（][^)）]{0,60}[)）]/, "") : answer.slice(at);
  const plain = start.slice(0, 300).replace(/«\s|\s»|["“”„«»]/g, "");
  return wordRun.exec(plain)?.[0] ?? "…";
}
