import { type Language, phrases } from "./phrases.js";

/** A word, and the word or mark before it, with vague words passed over. */
interface Word {
  readonly text: string;
  readonly before: string;
}

/** Stands for the topic of a message that has no telling word. */
export const noTopic = "…";
/** A long text is known by its beginning. */
const maxReadLength = 600;
const maxTopicLength = 30;
const maxTopics = 3;
const segmenter = new Intl.Segmenter("en", { granularity: "word" });
const latinLanguages = ["en", "de", "fr", "es", "other"] as const;

/** Small frequent words and letters that tell languages of the Latin script apart; "other" has those of some further ones. */
const functionWords = {
  en: readWords(`the and of to is are was were what how my you your for it that this these with be been can could do does did have has had not but from
    they we our when where which who why should would will at by as or an so if on he she his her its me i'm don't isn't wasn't`),
  de: readWords(`der die das und ist sind nicht ich wie was ein eine einen einem einer eines mein meine meinen meinem meiner zu zum zur mit auf für von den
    dem des im am bei wir uns unser unsere sie es kann man warum woran obwohl oder auch noch bitte du dir mir wenn als aus wird sollte diese ä ö ü ß`),
  fr: readWords("le la les un une des du et est ne pas je tu nous vous il elle on que qui quoi ce ma mes pour avec dans sur mais où par aux à è ê œ"),
  es: readWords("el la los las un una y es son no yo tú que qué quién cuál cómo por para con en del al mi su o como más tengo á í ó ú ñ ¿ ¡"),
  other: readWords("não uma um os as ao dos da do em eu ela é você come che di non per è het een van niet ik att och å ø ã õ ì ł ą ę ś ć ř š ž ş"),
};
/** Words after which a noun is likely. */
const determiners = readWords(`the a an my your his her our their this these der die das den dem des ein eine einen einem einer mein meine meinen
  meinem unser unsere le la les un une du mon ma mes notre ce cette l d el los las una mi mis su o os uma`);
const questions = Object.values(phrases).flatMap((words) => [...words.deeper, words.wider, words.next, ...Object.values(words.parts)]);
/** Words that say little of a subject, and all that the chairman's own questions are made of. */
const vagueWords = readWords(`about after again all also always another any around because before best better big both common different each else
  english even every explain few full good great here just keep last less like little long look made main major make makes many mean means more most
  much name need never new now old only other others own part per person please point points possible quite really recent right same say says short
  small show some someone something sometimes such take tell than them then there thing things think three time too two four five under until use
  used usual very want way well while whole without word words write wrong year years erste ersten frage ganze mache punkte typische bien courantes
  donne explique explica habituales próximos tres sont quelle cette comment pourquoi peux faut fait leur puedo hay muy está 一下 一段 下面 为什么
  以内 具体 告诉 哪些 如何 就是 常见 怎么 怎样 我们 请问 解释 解釋 读起来 这个 那个 ${questions.join(" ")}`);

/** Detects the language of a text by its script and, where that is Latin, by its function words. */
export function detectLanguage(text: string): Language {
  const start = text.slice(0, maxReadLength).toLowerCase();
  const count = (letters: RegExp) => start.match(letters)?.length ?? 0;
  const [latin, han] = [count(/\p{Script=Latin}/gu), count(/\p{Script=Han}/gu)];
  // A Han character says as much as several Latin letters; among kana it is Japanese.
  if (han * 3 > latin && count(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu) * 10 < han) return "zh";
  if (count(/\p{L}/gu) > latin * 1.5) return "other";
  const words = splitWords(start).map((word) => word.text);
  const signs = [...words, ...(start.match(/\P{ASCII}/gu) ?? [])];
  const hits = latinLanguages.map((language) => signs.filter((sign) => functionWords[language].has(sign)).length);
  // A text too short to show its language counts as English.
  if (Math.max(...hits) === 0) return words.length > 3 ? "other" : "en";
  return latinLanguages[hits.indexOf(Math.max(...hits))] ?? "other";
}

/**
 * Gets one to three words that a message is about. Those in quotes come first, then those after an article, then the longest.
 * Only the first paragraph is read, unless it says nothing; where all of it says nothing, the topic is {@link noTopic}.
 */
export function getTopics(text: string): string[] {
  const start = text.trim().slice(0, maxReadLength);
  const [paragraph = ""] = start.split(/\n\s*\n/, 1);
  return [rankTopics(paragraph), rankTopics(start)].find((topics) => topics.length > 0) ?? [noTopic];
}

/** Picks one of a list by a hash of the text. The same text picks the same item, the next offset the item after it. */
export function pickByHash<T>(list: readonly T[], text: string, offset = 0): T {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) >>> 0;
  const item = list[((Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 8) + offset) % list.length];
  if (item === undefined) throw new RangeError("An empty list has nothing to pick.");
  return item;
}

function rankTopics(text: string): string[] {
  const words = splitWords(text).filter(isTopic);
  const quoted = new Set(text.match(/(?<=["“„«「]\s?)[\p{L}\p{M}\p{N}]+(?=\s?["“”»」])/gu));
  const isNoun = (word: Word) => determiners.has(word.before.toLowerCase()) || (/^\p{Lu}/u.test(word.text) && /^\p{L}/u.test(word.before));
  const ranked = [
    ...words.filter((word) => quoted.has(word.text)),
    ...words.filter(isNoun),
    ...words.toSorted((a, b) => b.text.length - a.text.length),
  ];
  return [...new Map(ranked.map((word) => [word.text.toLowerCase(), word.text])).values()].slice(0, maxTopics);
}

function isTopic({ text }: Word): boolean {
  const word = text.toLowerCase();
  if (!/\p{L}/u.test(word) || word.length > maxTopicLength || word.length < (/\p{Script=Latin}/u.test(word) ? 3 : 2)) return false;
  if (/[的了是到着过吗呢么]|^[一二两三四五六七八九十百千]|^\p{Script=Hiragana}+$/u.test(word)) return false;
  return !vagueWords.has(word) && !latinLanguages.some((language) => functionWords[language].has(word));
}

/** Splits a text into its words, in any script; "l'eau" is "eau" after "l". */
function splitWords(text: string): Word[] {
  const words: Word[] = [];
  let before = "";
  for (const { segment, isWordLike } of segmenter.segment(text)) {
    const [, article, noun] = /^(l|d|qu|[cjmnst])['’](.+)$/iu.exec(segment) ?? [];
    if (isWordLike) words.push({ text: noun ?? segment, before: article ?? before });
    const isVague = vagueWords.has(segment.toLowerCase()) && !determiners.has(segment.toLowerCase());
    if (isWordLike ? !isVague : segment.trim() !== "") before = segment;
  }
  return words;
}

function readWords(text: string): Set<string> {
  return new Set([...segmenter.segment(text.toLowerCase())].map(({ segment }) => segment));
}
