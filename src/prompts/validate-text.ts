import { ResponseValidationError } from "../text/json-output.js";
import { findTemplateToken } from "../text/template-tokens.js";
import { isNoteEcho, normalizeWords } from "../model-calls/repair-notes.js";

/** Texts of our prompts that stand for what a model is to write. */
const placeholders = [
  "the user's next message",
  "the user's next message, as one JSON object",
  "next message",
  "your review, as one JSON object",
].map(normalizeWords);
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** What a text of a model must be. */
export interface TextRules {
  /** What the text is, in a sentence: `critique`. */
  readonly name: string;
  /** Minimum number of words. */
  readonly minWords?: number;
  /** Maximum number of characters. */
  readonly maxLength?: number;
}

/**
 * Finds what makes a text of a model unfit for a record: one of our own notes or placeholders, special tokens, a wrong length.
 *
 * @returns The problem, written for the model; null if there is none.
 */
export function findTextProblem(text: string, { name, minWords = 0, maxLength = Infinity }: TextRules): string | null {
  if (isNoteEcho(text) || placeholders.includes(normalizeWords(text))) return `The ${name} only repeats the request. Write a ${name} of your own.`;
  const token = findTemplateToken(text);
  if (token !== null) return `The ${name} holds the special token ${token}. Leave it out, or put it into code marks if it is spoken of.`;
  if (text.length > maxLength) return `The ${name} has ${text.length} characters, and at most ${maxLength} are allowed. Write it more briefly.`;
  if (minWords > 0 && countWords(text, minWords) < minWords) return `The ${name} has fewer than ${minWords} words. Write it in full sentences.`;
  return null;
}

/** @throws {ResponseValidationError} For a text that is unfit for a record. */
export function assertUsableText(text: string, rules: TextRules): void {
  const problem = findTextProblem(text, rules);
  if (problem !== null) throw new ResponseValidationError("response_invalid", problem);
}

/** Counts words of any language, up to a number that is enough. */
function countWords(text: string, enough: number): number {
  let count = 0;
  for (const { isWordLike } of segmenter.segment(text.slice(0, 2_000))) {
    if (isWordLike) count++;
    if (count >= enough) break;
  }
  return count;
}
