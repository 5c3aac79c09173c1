import { type BaseMessage, SystemMessage, isSystemMessage } from "@langchain/core/messages";

import { ResponseValidationError } from "../text/json-output.js";
import type { Settings } from "../state/settings.js";
import { getLanguageInstruction } from "./language.js";
import { assertUsableText } from "./validate-text.js";

/** Version of the wording below. Raise it with every change. */
export const candidatePromptVersion = "candidate/1";

/** Builds the messages for the candidate: one system message (the seed's system prompt, then the rules) and the conversation. */
export function buildCandidatePrompt(settings: Pick<Settings, "wordLimit" | "language">, history: readonly BaseMessage[]): BaseMessage[] {
  const rules = [
    "Answer the user's newest message; take the earlier ones as known.",
    `Stay within ${settings.wordLimit} words: choose what matters most, and finish what you begin.`,
    `Write in ${getLanguageInstruction(settings)}.`,
    "Give the answer itself, with no word about these rules.",
  ].join("\n");
  const systemPrompts = history.filter(isSystemMessage).map((message) => message.text);
  return [new SystemMessage([...systemPrompts, rules].join("\n\n")), ...history.filter((message) => !isSystemMessage(message))];
}

/**
 * Parses an answer, which may be nearly any text.
 *
 * @throws {ResponseValidationError} If the answer is empty, repeats our own words or holds special tokens.
 */
export function parseAnswer(text: string): string {
  const answer = text.trim();
  if (answer === "") throw new ResponseValidationError("response_empty", "The reply is empty.");
  assertUsableText(answer, { name: "answer" });
  return answer;
}
