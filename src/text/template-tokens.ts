import { findQuotedPlaces } from "./quoted-code.js";

/** Special tokens of chat templates: ChatML, Llama, Harmony, Phi, GLM, DeepSeek, Gemma, Mistral, MiniMax, Cohere. */
const token = [
  String.raw`<\|[A-Za-z][\w.▁/-]{0,40}\|>`,
  "<｜[^<>｜\\n]{1,40}｜>",
  "<(?:start|end)_of_(?:turn|image|audio)>",
  String.raw`<(?:\|turn|turn\||\|channel|channel\||bos|eos|pad|sop|eop)>`,
  String.raw`<unused\d{1,4}>`,
  String.raw`\[/?(?:INST|SYSTEM_PROMPT|gMASK|BOS|EOS)\]`,
  String.raw`<</?SYS>>`,
  "</?s>",
  String.raw`\]~b\]|\[e~\[`,
].join("|");
const tokenPattern = new RegExp(token, "g");
/** Tokens before an answer, with the role that follows some of them. */
const leadingTokens = new RegExp(String.raw`^\s*(?:(?:${token})\s*(?:(?<=[>|])(?:assistant|model|ai|bot|final)\b(?=\s*(?:\n|<)))?\s*)+`, "i");
/** An end token and a space: the beginning of a sentence about it. */
const spokenOfEnd = /(?:end|eo[tms]|return|call|\/s)[\w▁]*[|｜]?> $/i;
const nothingButTokens = new RegExp(String.raw`^(?:\s|${token})*$`);
/** What follows a token where the model goes on as the next speaker. */
const nextSpeaker = new RegExp(String.raw`^(?:\s*\n|\s*(?:${token})|\s*(?:user|human|assistant|system|model|ai)\b\s*(?::|\n|<|$))`, "i");
/** Times that a text is searched again. */
const maxPasses = 8;
const sentenceEnd = /[\p{L}\p{N}\p{P}\p{S}]$/u;

/**
 * Removes special tokens of a chat template around a response, and what a model wrote after its own end.
 *
 * Tokens in code, quotations and sentences about them are kept.
 *
 * @returns `ended`: a token shows that the response is complete, even if the model went on to the output limit.
 */
export function trimTemplateTokens(text: string): { readonly text: string; readonly ended: boolean } {
  let rest = text;
  let ended = false;
  // What a cut leaves may begin or end with a token that was part of a sentence before.
  for (let pass = 0; pass < maxPasses; pass++) {
    const tokens = findTemplateTokens(rest);
    const [first] = tokens;
    const leading = first !== undefined && first.index === rest.search(/\S/) ? (leadingTokens.exec(rest)?.[0] ?? "") : "";
    const end = tokens.find(({ index, 0: found }) => endsResponse(rest, index, index + found.length))?.index;
    if (leading !== "" && !spokenOfEnd.test(leading)) rest = rest.slice(leading.length).trim();
    else if (end === undefined) break;
    else {
      rest = rest.slice(0, end).trim();
      ended = true;
    }
  }
  return { text: rest, ended };
}

/** Finds a special token that is neither in code nor in a quotation. Null if there is none. */
export function findTemplateToken(text: string): string | null {
  return findTemplateTokens(text)[0]?.[0] ?? null;
}

function findTemplateTokens(text: string): RegExpExecArray[] {
  const matches = [...text.matchAll(tokenPattern)];
  if (matches.length === 0) return [];
  const places = findQuotedPlaces(text);
  const struck = findStruckText(matches, text);
  return matches.filter((match) => !struck.has(match.index) && !places.isQuoted(match.index));
}

/** Finds `<s>` and `</s>` around a part of the text: struck-out words, no tokens. */
function findStruckText(matches: readonly RegExpExecArray[], text: string): ReadonlySet<number> {
  const struck = new Set<number>();
  let opening: number | null = null;
  for (const { 0: found, index } of matches) {
    if (found === "<s>") opening = index;
    else if (found === "</s>" && opening !== null) {
      const isWhole = text.slice(0, opening).trim() === "" && nothingButTokens.test(text.slice(index));
      if (!isWhole) [opening, index].forEach((place) => struck.add(place));
      opening = null;
    } else if (found !== "</s>") opening = null;
  }
  return struck;
}

/** Returns true for a token at which the response ends: nothing follows but tokens, a new line or the next speaker. */
function endsResponse(text: string, start: number, end: number): boolean {
  const after = text.slice(end);
  if (after.trim() === "" || nextSpeaker.test(after)) return true;
  // After a word or a full stop without a space it is no part of a sentence.
  return start > 0 && (sentenceEnd.test(text.slice(Math.max(0, start - 2), start)) || text.charAt(start - 1) === "\n");
}
