import { isStopWord } from "./stop-words.js";

/** A word as it stands in its text, and where. */
export interface Word {
  readonly text: string;
  readonly start: number;
}

interface KeyWord extends Word {
  /** The word folded: see {@link fold}. */
  readonly key: string;
}

/** What a message is about, in its own words. */
export interface Subject {
  /** Key words of the request itself, at most 8, the most frequent first. */
  readonly terms: readonly string[];
  /** Key words of the material after the first blank line (Alpaca's `input`), at most 4, none of them in `terms`. */
  readonly inputTerms: readonly string[];
  /** Neighbouring key words of the request taken together, such as "sourdough bread"; at most 3, the longest first. */
  readonly topics: readonly string[];
}

const wordPattern = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’-][\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*/gu;
/** Scripts that write words without spaces between them. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** `Intl.Segmenter` takes quadratic time over long runs; hardly a real one is longer than this. */
const segmentable = /.{1,200}/gsu;
const segmenter = new Intl.Segmenter("en", { granularity: "word" });
/** Longer "words" are keys, hashes and the like. */
const longestTerm = 40;

/** Compatibility forms and case made alike; what counts as the same word. */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

/**
 * The words of a text in any language. A pattern finds them where spaces or punctuation part them; `Intl.Segmenter`, some
 * forty times slower, is asked only where a script runs its words together.
 */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  const mixed = unspaced.test(text);
  for (const { 0: run, index } of text.matchAll(wordPattern)) {
    if (mixed && unspaced.test(run)) for (const word of segmented(run, index)) words.push(word);
    else words.push({ text: run, start: index });
  }
  return words;
}

function* segmented(run: string, start: number): Generator<Word> {
  for (const { 0: part, index } of run.matchAll(segmentable)) {
    for (const segment of segmenter.segment(part)) {
      if (segment.isWordLike) yield { text: segment.segment, start: start + index + segment.index };
    }
  }
}

/** How many words a text has; see {@link wordsOf}. */
export function countWords(text: string): number {
  return unspaced.test(text) ? wordsOf(text).length : (text.match(wordPattern)?.length ?? 0);
}

/** The distinct key words of a text, the most frequent first, ties in order of appearance. */
export function keyTerms(text: string, limit: number): string[] {
  return mostFrequent(keyWordsOf(text), limit);
}

/** Reads what a message is about. All three lists are empty where it holds no word at all. */
export function subjectOf(message: string): Subject {
  const request = message.trim();
  const gap = /\n[^\S\n]*\n/.exec(request);
  const head = gap ? request.slice(0, gap.index) : request;
  const keyWords = keyWordsOf(head);
  const terms = mostFrequent(keyWords, 8);
  const known = new Set(terms.map(fold));
  const inputTerms = gap ? keyTerms(request.slice(gap.index), 12).filter((term) => !known.has(fold(term))) : [];
  return { terms, inputTerms: inputTerms.slice(0, 4), topics: phrasesOf(head, keyWords).slice(0, 3) };
}

/** The words that carry the subject; all of them where none does. */
function keyWordsOf(text: string): KeyWord[] {
  const words = wordsOf(text).flatMap((word) => (word.text.length > longestTerm ? [] : [{ ...word, key: fold(word.text) }]));
  const telling = words.filter(isTelling);
  return telling.length > 0 ? telling : words;
}

function mostFrequent(words: readonly KeyWord[], limit: number): string[] {
  const found = new Map<string, { text: string; count: number }>();
  for (const { key, text } of words) {
    const known = found.get(key);
    if (known) known.count++;
    else found.set(key, { text, count: 1 });
  }
  const ranked = [...found.values()].sort((a, b) => b.count - a.count);
  return ranked.slice(0, limit).map(({ text }) => text);
}

/**
 * Key words that stand side by side, up to three together, the longest first. A stop word or punctuation ends a phrase, as
 * in the candidate phrases of RAKE (Rose et al. 2010).
 */
function phrasesOf(text: string, words: readonly KeyWord[]): string[] {
  const phrases: { start: number; end: number; words: number }[] = [];
  for (const word of words) {
    const end = word.start + word.text.length;
    const last = phrases.at(-1);
    if (last && last.words < 3 && /^ ?$/.test(text.slice(last.end, word.start))) {
      last.end = end;
      last.words++;
    } else phrases.push({ start: word.start, end, words: 1 });
  }
  const ranked = phrases.sort((a, b) => b.words - a.words);
  return [...new Set(ranked.map(({ start, end }) => text.slice(start, end)))];
}

function isTelling({ text, key }: KeyWord): boolean {
  if (isStopWord(key)) return false;
  if (unspaced.test(text)) return [...text].length > 1 && !/^\p{Script=Hiragana}+$/u.test(text);
  if (/^\p{N}+$/u.test(text)) return text.length > 2;
  return text.length > 2 || /\p{N}|^\p{Lu}{2}$/u.test(text) || (text.length === 2 && !/\p{Script=Latin}/u.test(text));
}
