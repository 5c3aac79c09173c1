import { type Language, fillPhrase, phrases } from "./phrases.js";
import { getTopics, pickByHash } from "./text.js";

/** What a candidate is asked. */
export interface CandidateTask {
  /** The newest user message. */
  readonly instruction: string;
  /** The user's earlier messages, oldest first. */
  readonly earlier: readonly string[];
  readonly wordLimit: number;
  readonly language: Language;
}

/** How good an answer is: how many topics it names, and which sentences follow the first. */
interface AnswerStyle {
  readonly maxTopics: number;
  readonly sentences: readonly (Strength | "hedge")[];
}

/** Dimensions of the review that a sentence can serve. */
const strengths = ["usefulness", "depth", "creativity"] as const;
type Strength = (typeof strengths)[number];

/** Thin and good styles; beside each stands how the default panel votes. */
const styles: readonly AnswerStyle[] = [
  { maxTopics: 1, sentences: ["hedge"] }, // 0 to 3
  { maxTopics: 3, sentences: ["usefulness", "depth", "creativity"] }, // 3 to 0
  { maxTopics: 3, sentences: ["usefulness", "depth"] }, // 2 to 1
  { maxTopics: 3, sentences: ["hedge", "depth", "creativity"] }, // 1 to 2
  { maxTopics: 3, sentences: ["usefulness"] }, // 1 to 2
  { maxTopics: 3, sentences: ["hedge", "usefulness"] }, // 0 to 3
  { maxTopics: 1, sentences: ["usefulness", "depth", "creativity"] }, // 2 to 1
  { maxTopics: 3, sentences: ["usefulness", "creativity"] }, // 2 to 1
];

/**
 * Builds a short example answer around the topics of the instruction. A hash of the first message picks style and
 * sentences to begin with, and every turn takes the next ones. What the instruction asks for is given in any style.
 */
export function buildAnswer({ instruction, earlier, wordLimit, language }: CandidateTask): string {
  const words = phrases[language];
  const turn = earlier.length + 1;
  const seed = earlier[0] ?? instruction;
  const style = pickByHash(styles, seed, turn);
  const kinds = new Set([...style.sentences, ...strengths.filter((strength) => instruction.includes(words.parts[strength]))]);
  const named = getTopics(instruction).slice(0, style.maxTopics);
  const topics = named.map((text) => fillPhrase(words.quote, { text }));
  const list = new Intl.ListFormat(language === "other" ? "en" : language).format(topics);
  const write = (kind: Strength | "lead" | "hedge", index: number) => {
    const phrase = pickByHash(words[kind], `${kind} ${seed}`, turn);
    return fillPhrase(phrase, { topics: list, topic: topics[index % topics.length] ?? list });
  };
  const sentences = [write("lead", 0), ...[...kinds].map(write)];

  const marker = fillPhrase(words.marker, { turn: language === "other" ? `${turn}, in English` : turn });
  while (sentences.length > 0 && countWords([marker, ...sentences].join(" ")) > wordLimit) sentences.pop();
  const space = language === "zh" ? "" : " ";
  const between = sentences.length > 3 ? pickByHash(["\n- ", space, space], instruction) : space;
  return [marker, sentences.join(between)].join(space).trim();
}

/** Counts words; a Chinese character counts as one. */
function countWords(text: string): number {
  return text.match(/\p{Script=Han}|[^\s\p{Script=Han}]+/gu)?.length ?? 0;
}
