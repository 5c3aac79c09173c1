import type { AnswerFeatures } from "./features.js";

/** The weaknesses an answer can be measured to have. */
export const weaknesses = ["missing", "short", "long", "hedged", "repeated", "reasonless", "exampleless", "shapeless"] as const;
export type Weakness = (typeof weaknesses)[number];

/** What a critique of {@link critiqueText} holds against an answer, read back from its words. */
export interface CritiquePoints {
  readonly missing: readonly string[];
  readonly hedges: readonly string[];
  /** The phrase that recurs, or null. */
  readonly repeated: string | null;
  /** The answer is short, or gives no reason, or no example. */
  readonly thin: boolean;
}

const mentions = "never mentions ";
const hedging = "it says ";
const repeating = "It repeats the words ";
const thin = /too short to|gives no reason|gives a reason once|shows no example/;

/** Words a critique names at most, so that it stays readable. */
const namedAtMost = 4;

const faults: Record<Weakness, (features: AnswerFeatures) => string> = {
  missing: ({ missing, covered }) =>
    `It ${mentions}${listed(missing.slice(0, namedAtMost))}${missing.length > namedAtMost ? `, nor ${missing.length - namedAtMost} more` : ""}; of the instruction's ${covered.length + missing.length} key words ${covered.length} are taken up. Whoever asked about ${listed(missing.slice(0, 1))} is left without a word on it.`,
  short: ({ words, sentences }) =>
    `At ${counted(words, "word")} in ${counted(sentences, "sentence")} it is too short to carry what was asked, so the person has to ask again.`,
  long: ({ words, wordLimit }) =>
    `It runs to ${words} words where ${wordLimit} were allowed; cutting ${words - wordLimit} of them would show what matters.`,
  hedged: ({ hedges, hedgeCount, sentences }) =>
    `It hedges ${counted(hedgeCount, "time")} in ${counted(sentences, "sentence")}: ${hedging}${listed(hedges.slice(0, namedAtMost))} where a plain statement with its condition was needed.`,
  repeated: ({ repeated }) => `${repeating}"${repeated?.phrase ?? ""}" ${repeated?.times ?? 0} times, and says little new after the first.`,
  reasonless: ({ reasons }) =>
    reasons === 0
      ? "It gives no reason for what it claims, so nothing in it can be checked."
      : "It gives a reason once and leaves the other claims bare.",
  exampleless: () => "It shows no example, so the person cannot see it at work.",
  shapeless: ({ sentences }) => `Its ${counted(sentences, "sentence")} stand in one block, with neither list nor paragraphs to follow.`,
};

/** States what was measured, the weightiest weakness first, each with its numbers and the answer's own words. */
export function critiqueText(features: AnswerFeatures, found: readonly Weakness[], focus: readonly string[]): string {
  const { words, wordLimit, sentences, paragraphs, listItems, covered, missing, reasons, examples } = features;
  const measure = `${focus.length > 0 ? `Read for ${focus.join(" and ")}, the` : "The"} answer has ${counted(words, "word")} of the ${wordLimit} allowed, in ${counted(sentences, "sentence")}, ${counted(paragraphs, "paragraph")} and ${counted(listItems, "list item")}.`;
  const reach =
    covered.length > 0
      ? `It takes up ${listed(covered.slice(0, namedAtMost))}${covered.length > namedAtMost ? ` and ${covered.length - namedAtMost} more of the key words` : ""}, with ${counted(reasons, "reason")} and ${counted(examples, "example")}.`
      : `It comes with ${counted(reasons, "reason")} and ${counted(examples, "example")}.`;
  const sound = missing.length === 0 && covered.length > 0 ? "No key word of the instruction is left out." : "Nothing weighty was found against it.";
  return [measure, reach, ...(found.length > 0 ? found.map((weakness) => faults[weakness](features)) : [sound])].join(" ");
}

/** Finds in a critique what {@link critiqueText} writes. Empty for a critique in other words. */
export function readCritique(critique: string): CritiquePoints {
  return {
    missing: quotedAfter(critique, mentions),
    hedges: quotedAfter(critique, hedging),
    repeated: quotedAfter(critique, repeating)[0] ?? null,
    thin: thin.test(critique),
  };
}

/** The quoted words of a list that follows a phrase. Another hand's critique may quote whole sentences: those are passed over. */
function quotedAfter(text: string, phrase: string): string[] {
  const at = text.indexOf(`${phrase}"`);
  if (at < 0) return [];
  const list = /^(?:(?:, | and )?"[^"]+")+/.exec(text.slice(at + phrase.length))?.[0] ?? "";
  return [...list.matchAll(/"([^"]{1,200})"/g)].map((match) => match[1] ?? "").filter((quoted) => quoted.split(/\s+/).length <= 4);
}

function listed(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1) ?? ""}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
