import { type BaseMessage, SystemMessage, isSystemMessage } from "@langchain/core/messages";

import type { Settings } from "../state/settings.js";
import { getLanguageInstruction } from "./language.js";
import { ResponseValidationError } from "../model-calls/json-output.js";

export const candidatePromptVersion = "candidate/1";

/** The conversation itself, led by what is asked of an answer. A system prompt of the seed's own comes first in it. */
export function buildCandidatePrompt(settings: Pick<Settings, "wordLimit" | "language">, history: readonly BaseMessage[]): BaseMessage[] {
  const rules = [
    "Answer the user's newest message; take the earlier ones as known.",
    `Stay within ${settings.wordLimit} words: choose what matters most, and finish what you begin.`,
    `Write in ${getLanguageInstruction(settings)}.`,
    "Give the answer itself, with no word about these rules.",
  ].join("\n");
  const own = history.filter(isSystemMessage).map((message) => message.text);
  return [new SystemMessage([...own, rules].join("\n\n")), ...history.filter((message) => !isSystemMessage(message))];
}

/** An answer is any text at all. */
export function parseAnswer(text: string): string {
  const answer = text.trim();
  if (answer === "") throw new ResponseValidationError("response_empty", "The reply is empty.");
  return answer;
}
