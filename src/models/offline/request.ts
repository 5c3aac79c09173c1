import { type BaseMessage, isHumanMessage, isSystemMessage } from "@langchain/core/messages";

import { type Quote, parseQuotes } from "../../model-calls/quote-untrusted.js";
import type { ConversationMessage } from "../../state/conversation.js";
import { type ReviewDimension, reviewDimensions } from "../../state/records.js";
import type { Task } from "./candidate.js";
import type { Chair, Direction } from "./chairman.js";
import type { ReviewMatter } from "./reviewer.js";

/** A request as the role that is to answer it sees it. */
export type OfflineRequest =
  | { readonly role: "candidate"; readonly task: Task }
  | { readonly role: "reviewer"; readonly matter: ReviewMatter }
  | { readonly role: "chairman"; readonly chair: Chair };

/** Where a prompt names no limit. */
const defaultWordLimit = 300;
const mentions = reviewDimensions.map((dimension) => ({ dimension, pattern: new RegExp(`\\b${dimension}\\b`, "gi") }));

/**
 * Learns from a request alone who is asked for what. Of the prompts it needs only what they cannot do without: the labels of
 * their quotes, the keys of the JSON they ask for, and the chairman's `Direction:`. The keys must stand in the system
 * prompt, so that a user message that imitates quotes changes nothing. Whatever fits no role is a task for the candidate.
 */
export function readRequest(messages: readonly BaseMessage[]): OfflineRequest {
  const system = messages
    .filter(isSystemMessage)
    .map((message) => message.text)
    .join("\n\n");
  const users = messages.filter(isHumanMessage).map((message) => message.text);
  // A request that is repeated after a faulty reply has further messages; its material stays in the first.
  return (
    asReview(system, users[0] ?? "") ??
    asChair(system, users[0] ?? "") ?? {
      role: "candidate",
      task: { instruction: users.at(-1) ?? messages.at(-1)?.text ?? "", earlier: users.slice(0, -1), wordLimit: readWordLimit(system) },
    }
  );
}

function asReview(system: string, material: string): OfflineRequest | null {
  if (!system.includes('"critique"') || !system.includes('"scores"')) return null;
  const quotes = parseQuotes(material);
  const instruction = quotes.findLast((quote) => quote.label === "instruction");
  const answer = quotes.findLast((quote) => quote.label === "answer");
  if (!instruction || !answer) return null;
  return {
    role: "reviewer",
    matter: { instruction: instruction.text, answer: answer.text, wordLimit: readWordLimit(system), focus: readFocus(system) },
  };
}

function asChair(system: string, material: string): OfflineRequest | null {
  if (!system.includes('"instruction"')) return null;
  const quotes = parseQuotes(material);
  const dialogue = quotes.flatMap(dialogueLine);
  if (dialogue.length === 0) return null;
  const critiques = quotes.filter((quote) => quote.label === "critique").map((quote) => quote.text);
  return { role: "chairman", chair: { dialogue, critiques, direction: readDirection(system) ?? (critiques.length > 0 ? "depth" : "follow_up") } };
}

function dialogueLine({ label, text }: Quote): ConversationMessage[] {
  return label === "system" || label === "user" || label === "assistant" ? [{ role: label, content: text }] : [];
}

function readDirection(system: string): Direction | null {
  const named = /\bdirection:\s*(depth|breadth|follow)/i.exec(system)?.[1]?.toLowerCase();
  return named === "depth" || named === "breadth" ? named : named === "follow" ? "follow_up" : null;
}

/** The last "300 words" of a prompt, whatever words lead up to it; the end of a range ("40 to 120 words") is another matter. */
function readWordLimit(system: string): number {
  const limits = [...system.matchAll(/(?:\b(\d+)\s*(?:to|and|-|–)\s*)?\b(\d{1,6})[ -]words?\b/gi)].filter((match) => match[1] === undefined);
  const limit = Number(limits.at(-1)?.[2] ?? defaultWordLimit);
  return limit > 0 ? limit : defaultWordLimit;
}

/** A reviewer's prompt names every dimension equally often, but those in its focus once more. */
function readFocus(system: string): ReviewDimension[] {
  const named = mentions.map(({ dimension, pattern }) => ({ dimension, times: system.match(pattern)?.length ?? 0 }));
  const least = Math.min(...named.map(({ times }) => times));
  return named.filter(({ times }) => times > least).map(({ dimension }) => dimension);
}
