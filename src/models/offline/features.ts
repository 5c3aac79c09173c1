import { fold, subjectOf, wordsOf } from "./terms.js";

/** What can be measured of an answer without understanding it. */
export interface AnswerFeatures {
  readonly words: number;
  readonly sentences: number;
  readonly paragraphs: number;
  readonly listItems: number;
  /** Words the answer was allowed. */
  readonly wordLimit: number;
  /** The instruction's key terms that occur in the answer, and those that occur nowhere in it. */
  readonly covered: readonly string[];
  readonly missing: readonly string[];
  /** Share of the key terms that occur, 0 to 1; 1 where the instruction has none. */
  readonly coverage: number;
  /** Distinct hedging words, as the answer writes them, and how often any of them stands in it. */
  readonly hedges: readonly string[];
  readonly hedgeCount: number;
  /** The four words in a row that recur most, where they stand three times or more (overlaps included). */
  readonly repeated: { readonly phrase: string; readonly times: number } | null;
  /** Words that give a reason ("because", "so that"), and phrases that open an example. */
  readonly reasons: number;
  readonly examples: number;
}

/** English alone: the languages differ too much for one list, and the candidate of this model frames its answers in English. */
const hedgePattern = phrases(
  "[Pp]erhaps|[Mm]aybe|[Pp]ossibly|[Pp]robably|[Pp]resumably|[Aa]rguably|[Ss]upposedly|[Ss]omewhat|[Mm]ight|may|could be|[Ii]t depends|[Gg]enerally speaking|[Mm]ore or less|[Ii]n some cases|[Ss]ome would say|[Hh]ard to say|[Nn]ot sure|[Ii]t seems",
);
const reasonPattern = phrases("[Bb]ecause|[Tt]herefore|[Ss]o that|[Ww]hich means|[Aa]s a result|[Tt]he reason|[Ll]eads to|[Hh]ence|[Cc]onsequently");
const examplePattern = phrases("[Ff]or example|[Ff]or instance|[Ss]uch as|[Tt]o illustrate|e\\.g|[Ss]uppose");
const listMark = /^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+(?=\S)/gm;

/** Measures an answer against the instruction it answers. The counts hold for any language; hedges, reasons and examples are English. */
export function measureAnswer(answer: string, instruction: string, wordLimit: number): AnswerFeatures {
  const folded = fold(answer);
  const words = wordsOf(folded).map((word) => word.text);
  const subject = subjectOf(instruction);
  const terms = [...subject.terms, ...subject.inputTerms];
  const missing = terms.filter((term) => !folded.includes(fold(term)));
  const hedges = answer.match(hedgePattern) ?? [];
  return {
    words: words.length,
    sentences: countSentences(answer),
    paragraphs: answer.split(/\n\s*\n/).filter((paragraph) => paragraph.trim() !== "").length,
    listItems: answer.match(listMark)?.length ?? 0,
    wordLimit,
    covered: terms.filter((term) => !missing.includes(term)),
    missing,
    coverage: terms.length === 0 ? 1 : 1 - missing.length / terms.length,
    hedges: [...new Set(hedges)],
    hedgeCount: hedges.length,
    repeated: mostRepeated(words),
    reasons: answer.match(reasonPattern)?.length ?? 0,
    examples: answer.match(examplePattern)?.length ?? 0,
  };
}

/** A list item counts as a sentence, whether or not it ends like one. */
function countSentences(text: string): number {
  const parts = text.replace(listMark, "").split(/[.!?؟।](?=\s|$)|[。！？…\n]/u);
  return parts.filter((part) => /[\p{L}\p{N}]/u.test(part)).length;
}

function mostRepeated(words: readonly string[]): AnswerFeatures["repeated"] {
  const counts = new Map<string, number>();
  let best: AnswerFeatures["repeated"] = null;
  for (let at = 0; at + 4 <= words.length; at++) {
    const phrase = `${words[at]} ${words[at + 1]} ${words[at + 2]} ${words[at + 3]}`;
    const times = (counts.get(phrase) ?? 0) + 1;
    counts.set(phrase, times);
    if (times >= 3 && times > (best?.times ?? 0)) best = { phrase, times };
  }
  return best;
}

function phrases(alternatives: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${alternatives})(?![\\p{L}\\p{N}])`, "gu");
}
