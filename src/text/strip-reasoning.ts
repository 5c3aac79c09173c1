import { type StrippedText, joinReasoning, splitChannels } from "./harmony.js";
import { type QuotedPlaces, findQuotedPlaces } from "./quoted-code.js";

/** XML tags that hold reasoning wherever they stand. */
const tagNames = ["think", "thinking", "seed:think", "mm:think", "antml:thinking", "antthinking"];
/** XML tags that other texts use, too. They hold reasoning only at the start of a response. */
const leadingTagNames: readonly string[] = ["thought", "thoughts", "reasoning", "reflection", "scratchpad", "inner_monologue"];
/** Marks that are no XML: what opens reasoning, and what closes it. */
const otherMarks: readonly (readonly [opening: string, closing: string])[] = [
  [String.raw`\[THINK\]`, String.raw`\[/THINK\]`],
  ["◁think▷", "◁/think▷"],
  [String.raw`<\|begin_of_(?:thought|thinking)\|>`, String.raw`<\|end_of_(?:thought|thinking)\|>`],
  [String.raw`<\|START_THINKING\|>`, String.raw`<\|END_THINKING\|>`],
  [String.raw`<\|think\|>`, String.raw`<\|/think\|>`],
  [String.raw`<\|channel>(?:thought|analysis)?`, String.raw`<channel\|>`],
  [String.raw`<unused94>(?:thought)?`, "<unused95>"],
];
const xmlMark = String.raw`<(/?)(${[...tagNames, ...leadingTagNames].join("|")})(?:\s[^<>]{0,100})?>`;
/** Groups: the slash and the name of an XML tag, then opening and closing of each other mark. */
const markPattern = new RegExp([xmlMark, ...otherMarks.map(([opening, closing]) => `(${opening})|(${closing})`)].join("|"), "gi");
/** What some models put around the answer that follows the reasoning. */
const answerTags = /^<(answer|response|output|final_answer)>([\s\S]*)<\/\1>$/i;

/** Times that a text is searched again, as removing reasoning may bring marks together. */
const maxPasses = 5;

/** One mark in a text. */
interface Mark {
  /** What opening and closing mark have in common. */
  readonly name: string;
  readonly isClosing: boolean;
  readonly start: number;
  readonly end: number;
}

/**
 * Removes a model's reasoning from its text, in every spelling that models use: tags, channels, other marks.
 *
 * Text before a closing mark without an opening mark is reasoning as well, since some chat templates write the opening mark
 * themselves. Marks in code and quotations are kept.
 *
 * @returns The remaining text and the reasoning; `cutOff` is true if the text ended within the reasoning.
 */
export function stripReasoning(text: string): StrippedText {
  let rest = text.trim();
  let cutOff = false;
  const reasoning: string[] = [];
  for (let pass = 0; pass < maxPasses; pass++) {
    const stripped = splitChannels(rest) ?? stripMarks(rest);
    reasoning.push(stripped.reasoning);
    cutOff ||= stripped.cutOff;
    if (stripped.text === rest) break;
    rest = stripped.text;
  }
  const joined = joinReasoning(reasoning);
  const answer = joined === "" ? undefined : answerTags.exec(rest)?.[2];
  return { text: answer === undefined ? rest : answer.trim(), reasoning: joined, cutOff };
}

function stripMarks(text: string): StrippedText {
  const marks = findMarks(text);
  if (marks.length === 0) return { text, reasoning: "", cutOff: false };
  const places = findQuotedPlaces(text);
  const hidden: string[] = [];
  let kept = "";
  let from = 0;
  /** Opening marks that are kept and not closed yet. */
  let keptMarks = 0;
  let opening: Mark | null = null;
  for (const mark of marks) {
    if (opening) {
      if (!mark.isClosing || mark.name !== opening.name) continue;
      hidden.push(text.slice(opening.end, mark.start));
      opening = null;
      from = mark.end;
    } else if (mark.isClosing) {
      if (keptMarks > 0 || places.isQuoted(mark.start)) {
        keptMarks = Math.max(0, keptMarks - 1);
        continue;
      }
      hidden.push(kept + text.slice(from, mark.start));
      kept = "";
      from = mark.end;
    } else if (isMention(mark, places, () => kept + text.slice(from, mark.start))) {
      keptMarks++;
    } else {
      kept += text.slice(from, mark.start);
      from = mark.start;
      opening = mark;
    }
  }
  // An opening mark in mid-sentence that is never closed is part of a sentence about marks.
  const isCutOff = opening !== null && startsLine(text, opening.start);
  if (opening && isCutOff) hidden.push(text.slice(opening.end));
  return { text: (isCutOff ? kept : kept + text.slice(from)).trim(), reasoning: joinReasoning(hidden), cutOff: isCutOff };
}

function findMarks(text: string): Mark[] {
  return [...text.matchAll(markPattern)].flatMap((match): Mark[] => {
    const [found, slash, tag, ...others] = match;
    const place = { start: match.index, end: match.index + found.length };
    if (tag !== undefined) return [{ name: tag.toLowerCase(), isClosing: slash === "/", ...place }];
    // `[think]` in small letters is no mark.
    if (/^\[\/?think/.test(found)) return [];
    const group = others.findIndex((part) => part !== undefined);
    return [{ name: `mark ${group >> 1}`, isClosing: group % 2 === 1, ...place }];
  });
}

/** Returns true for an opening mark that is part of the answer. */
function isMention({ name, start }: Mark, { isQuoted, openFence }: QuotedPlaces, getTextBefore: () => string): boolean {
  return start > openFence || isQuoted(start) || (leadingTagNames.includes(name) && getTextBefore().trim() !== "");
}

function startsLine(text: string, index: number): boolean {
  return /(?:^|\n)[^\S\n]*$/.test(text.slice(Math.max(0, index - 200), index));
}
