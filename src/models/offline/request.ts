import { type BaseMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";

import { parseQuotes } from "../../text/quote-untrusted.js";
import type { ConversationMessage } from "../../state/conversation.js";
import { type ReviewDimension, reviewDimensions } from "../../state/records.js";
import type { CandidateTask } from "./candidate.js";
import type { ChairmanTask, Direction } from "./chairman.js";
import type { Language } from "./phrases.js";
import type { ReviewTask } from "./reviewer.js";
import { detectLanguage, pickByHash } from "./text.js";

/** A request as the role that is to answer it sees it. */
export type OfflineRequest =
  | { readonly role: "candidate"; readonly task: CandidateTask }
  | { readonly role: "reviewer"; readonly task: ReviewTask }
  | { readonly role: "chairman"; readonly task: ChairmanTask };

const writtenLanguages = ["en", "de", "fr", "es", "zh"] as const;
const languageNames = { en: /english/i, de: /german|deutsch/i, fr: /french|fran[cç]ais/i, es: /spanish|espa[nñ]ol/i, zh: /chinese|中文|汉语/i };

/**
 * Reads from a request alone who is asked for what. Of the prompts it needs only what they cannot do without: the labels of
 * their quotes, the keys of the JSON they ask for, and the chairman's `Direction:`. The keys must stand in the system
 * prompt, so that a user message that imitates quotes changes nothing. Whatever fits no role is a task for the candidate.
 */
export function readRequest(messages: readonly BaseMessage[]): OfflineRequest {
  const system = messages.flatMap((message) => (isSystemMessage(message) ? [message.text] : [])).join("\n\n");
  const users = messages.filter(isHumanMessage).map((message) => message.text);
  // A request that is repeated after a faulty reply has further messages; its material stays in the first.
  const asked = readReview(system, users[0] ?? "") ?? readChairman(system, users[0] ?? "");
  if (asked) return asked;
  const instruction = users.at(-1) ?? messages.at(-1)?.text ?? "";
  const language = readLanguage(system) ?? detectLanguage(users[0] ?? instruction);
  return { role: "candidate", task: { instruction, earlier: users.slice(0, -1), wordLimit: readWordLimit(system), language } };
}

function readReview(system: string, material: string): OfflineRequest | null {
  if (!system.includes('"critique"') || !system.includes('"scores"')) return null;
  const quotes = parseQuotes(material);
  const instruction = quotes.findLast((quote) => quote.label === "instruction")?.text;
  const answer = quotes.findLast((quote) => quote.label === "answer")?.text;
  if (instruction === undefined || answer === undefined) return null;
  return { role: "reviewer", task: { instruction, answer, focus: readFocus(system), language: detectLanguage(instruction) } };
}

function readChairman(system: string, material: string): OfflineRequest | null {
  if (!system.includes('"instruction"')) return null;
  const quotes = parseQuotes(material);
  const messages = quotes.flatMap(({ label, text }): ConversationMessage[] =>
    label === "system" || label === "user" || label === "assistant" ? [{ role: label, content: text }] : [],
  );
  if (messages.length === 0) return null;
  const critiques = quotes.filter((quote) => quote.label === "critique").map((quote) => quote.text);
  const direction = readDirection(system) ?? (critiques.length > 0 ? "depth" : "follow_up");
  const language = readLanguage(system) ?? detectLanguage(messages.find((line) => line.role === "user")?.content ?? "");
  return { role: "chairman", task: { messages, critiques, direction, language } };
}

function readDirection(system: string): Direction | null {
  const named = /\bdirection:\s*(depth|breadth|follow)/i.exec(system)?.[1]?.toLowerCase();
  return named === "depth" || named === "breadth" ? named : named === "follow" ? "follow_up" : null;
}

/** Reads the language of "write in German", if it is one that has phrases. */
function readLanguage(system: string): Language | undefined {
  const named = [...system.matchAll(/\bwrit(?:e|ten)\b[^.;\n]{0,20}\bin ([^.;\n]{1,40})/gi)].at(-1)?.[1] ?? "";
  return writtenLanguages.find((language) => languageNames[language].test(named));
}

/** Reads the last "300 words" of a prompt, the end of a range ("40 to 120 words") aside; 300 where it names no limit. */
function readWordLimit(system: string): number {
  const limits = [...system.matchAll(/(?:\b(\d+)\s*(?:to|and|-|–)\s*)?\b(\d{1,6})[ -]words?\b/gi)].filter((match) => match[1] === undefined);
  return Number(limits.at(-1)?.[2]) || 300;
}

/**
 * Reads a reviewer's focus: a prompt names every dimension equally often, but those in the focus once more. A focus in other
 * words counts as the dimension that a hash of the prompt picks, so that such reviewers differ as well.
 */
function readFocus(system: string): ReviewDimension[] {
  const named = reviewDimensions.map((dimension) => ({ dimension, times: system.match(new RegExp(`\\b${dimension}\\b`, "gi"))?.length ?? 0 }));
  const least = Math.min(...named.map(({ times }) => times));
  const focus = named.filter(({ times }) => times > least).map(({ dimension }) => dimension);
  return focus.length > 0 ? focus : [pickByHash(reviewDimensions, system)];
}
