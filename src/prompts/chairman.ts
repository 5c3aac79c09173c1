import { type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { z } from "zod";

import { ResponseValidationError, parseJsonOutput } from "../text/json-output.js";
import { quoteInstructions, quoteUntrusted } from "../text/quote-untrusted.js";
import { toResponseSchema } from "../model-calls/response-schema.js";
import type { ConversationMessage } from "../state/conversation.js";
import type { Evolution, Review } from "../state/records.js";
import type { Settings, Verdict } from "../state/settings.js";
import { getLanguageInstruction } from "./language.js";
import { validateInstruction } from "./validate-instruction.js";
import { findTextProblem } from "./validate-text.js";

/** Version of the wording below. Raise it with every change. */
export const chairmanPromptVersion = "chairman/2";

/** Input of the chairman's prompt. Without a review, `verdict` is null and `reviews` is empty. */
export interface ChairmanPromptInput {
  readonly messages: readonly ConversationMessage[];
  readonly reviews: readonly Review[];
  readonly verdict: Verdict | null;
  readonly evolution: Exclude<Evolution, "seed">;
}

const directions: Record<ChairmanPromptInput["evolution"], string> = {
  depth: [
    "Direction: depth. The newest answer fell short. Pick the one weakness in the critiques that would cost this person most, and ask the question whose honest answer has to mend it.",
    "Aim at the thing itself, as someone would who stumbled over that spot: name the step, claim or case in question. Ask for one thing, in one question. A message that the old answer could simply be repeated to is too weak.",
  ].join(" "),
  breadth: [
    "Direction: breadth. The newest answer held up; leave the gaps that the critiques still name alone. Move to a neighbouring area of the same subject that nothing so far has touched and that this person, with this purpose, would come to next.",
    "The thread must stay visible: what they already know or have decided is the ground you start from.",
  ].join(" "),
  follow_up: "Direction: follow up. Ask what this person would most naturally want to know next.",
};

/** Builds the messages for the chairman: instructions, conversation, and every critique unchanged. */
export function buildChairmanPrompt(settings: Pick<Settings, "wordLimit" | "language">, input: ChairmanPromptInput): BaseMessage[] {
  const reviewed = input.reviews.length > 0;
  const system = [
    `You write the user's next message in a conversation with an assistant.${reviewed ? " A panel has privately judged the assistant's newest answer; you alone read it." : ""}`,
    directions[input.evolution],
    quoteInstructions,
    [
      "The message:",
      "- sounds like the same user, in their tone and at their level, typing to the assistant: no greeting, no praise, no heading, no quotation marks around it;",
      "- asks one question or gives one task, in one to three sentences, at most 60 words;",
      `- can be answered well in ${settings.wordLimit} words, without figures or sources that only a specialist archive would hold;`,
      "- is new: no earlier message asked it, in these words or others;",
      "- can be understood from the conversation alone. Nobody there knows of a panel, so write nothing of reviews, critiques, scores, verdicts or directions, and no tags or labels;",
      `- is written in ${getLanguageInstruction(settings)}.`,
    ].join("\n"),
    'Reply with one JSON object and nothing else: {"instruction": "the user\'s next message"}',
  ].join("\n\n");
  const material = [
    "The conversation so far:",
    ...input.messages.map(({ role, content }) => quoteUntrusted(role, content)),
    ...(reviewed ? ["What the panel said of the newest answer:", ...input.reviews.map(formatReview)] : []),
    ...(input.verdict ? [`The panel's verdict: ${input.verdict}. Direction: ${input.evolution}.`] : []),
    "The user's next message, as one JSON object:",
  ].join("\n\n");
  return [new SystemMessage(system), new HumanMessage(material)];
}

function formatReview(review: Review): string {
  const scores = Object.entries(review.scores).map(([name, score]) => `${name} ${score}`);
  return `${review.reviewer}: ${review.verdict} (${scores.join(", ")})\n${quoteUntrusted("critique", review.critique)}`;
}

/** The chairman's response. Parsing ignores other keys; the JSON schema forbids them. */
const InstructionResponse = z.object({ instruction: z.string() });

/** JSON schema of the chairman's response. */
export const instructionResponseSchema = toResponseSchema("next_instruction", InstructionResponse);

/** Far above the 60 words that are asked for, so that only loops and essays are refused. */
const maxInstructionLength = 2_000;

/** Matches a response that is meant as JSON, even if malformed. It must not become the instruction as it is. */
const looksLikeJson = /^\s*(?:```\w*\s*)?(?:\{|\[\s*["'{])|["'“]instruction["'”]\s*:|\{\s*instruction\s*:/i;

/**
 * Parses the next instruction. A response without JSON is the instruction itself.
 *
 * @throws {ResponseValidationError} If the instruction is empty, too long, repeats an earlier one or our own words, or mentions the panel.
 */
export function parseInstruction(text: string, messages: readonly ConversationMessage[]): string {
  const instruction = (looksLikeJson.test(text) ? parseJsonOutput(text, InstructionResponse).instruction : text).trim();
  const problem =
    findTextProblem(instruction, { name: "instruction", maxLength: maxInstructionLength }) ?? validateInstruction(instruction, messages);
  if (problem) throw new ResponseValidationError(instruction === "" ? "response_empty" : "response_invalid", problem);
  return instruction;
}
