import { findQuotedPlaces } from "./quoted-code.js";

/** A response taken apart. `cutOff`: it ended within the reasoning. */
export interface StrippedText {
  readonly text: string;
  readonly reasoning: string;
  readonly cutOff: boolean;
}

/** A message of a channel, up to the token that ends it. */
const channelPattern =
  /<\|channel\|>\s*(\w*)[^<]{0,200}(?:<\|constrain\|>[^<]{0,100})?<\|message\|>([\s\S]*?)(?=<\|(?:end|return|call|start|channel)\|>|$(?![\s\S]))/g;
/** How the reasoning begins if a server dropped the special tokens. No prose glues these words together. */
const strippedStart = /^\s*(?:assistant\s*)?analysis/;
const strippedCutOff = /^\s*analysis(?:User|We|I|Need|Let|They|It|Just|Okay|OK|So|This|The user|Simple|Provide|Answer)(?:['’]\w+)?[\s,]/;
const strippedFinal = "assistantfinal";
/** How IBM's Granite marks reasoning and answer. */
const granite = /^\s*Here(?:'s| is) my thought process:([\s\S]*?)Here(?:'s| is) my response:/;

/**
 * Takes apart a response in channels (harmony: gpt-oss), or one whose reasoning ends at fixed words.
 *
 * @returns Null for any other text.
 */
export function splitChannels(text: string): StrippedText | null {
  return splitTokens(text) ?? splitWords(text);
}

function splitTokens(text: string): StrippedText | null {
  if (!text.includes("<|channel|>") || !text.includes("<|message|>")) return null;
  const places = findQuotedPlaces(text);
  const messages = [...text.matchAll(channelPattern)].filter((match) => !places.isQuoted(match.index));
  const [first] = messages;
  if (!first) return null;
  const final = messages.find(([, channel]) => channel === "final");
  const before = text.slice(0, first.index).replace(/<\|(?:start|end)\|>(?:assistant)?/g, "");
  const reasoning = [before, ...messages.flatMap(([, channel, content = ""]) => (channel === "final" ? [] : [content]))];
  return { text: (final?.[2] ?? "").trim(), reasoning: joinReasoning(reasoning), cutOff: !final };
}

function splitWords(text: string): StrippedText | null {
  const graniteStart = granite.exec(text);
  if (graniteStart) return { text: text.slice(graniteStart[0].length).trim(), reasoning: joinReasoning([graniteStart[1] ?? ""]), cutOff: false };
  const start = strippedStart.exec(text)?.[0];
  if (start === undefined) return null;
  const end = text.indexOf(strippedFinal);
  if (end < 0) return strippedCutOff.test(text) ? { text: "", reasoning: text.slice(start.length).trim(), cutOff: true } : null;
  if (/["'`“‘«]/.test(text.charAt(end - 1))) return null;
  return { text: text.slice(end + strippedFinal.length).trim(), reasoning: text.slice(start.length, end).trim(), cutOff: false };
}

/** Joins parts of reasoning, without those that are empty. */
export function joinReasoning(parts: readonly string[]): string {
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join("\n\n");
}
