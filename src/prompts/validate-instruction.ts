import type { ConversationMessage } from "../state/conversation.js";

/** Marks of the machinery that no user types. */
const tags =
  /<\/?(?:ask|raise|think|thinking|instruction|question|review|critique|response|answer|user|assistant|next_instruction)\b[^>]*>|<<<|>>>|```/gi;
const label = /^[\s*_#>]*(?:chairman|user|human|assistant|interviewer|next (?:instruction|question|message)|instruction|question)[\s*_]*:/gi;
/** A chairman that announces the instruction in place of just writing it. */
const preamble = [
  /^\s*(?:(?:sure|certainly|of course|okay|absolutely)\b[^\n:]{0,20})?\bhere(?:'s|’s| is)\s+(?:the|a|an|your|one)\b[^\n:]{0,60}\b(?:instruction|question|message|prompt)\b[^\n:]{0,20}:/gi,
  /^\s*(?:the|a|one)\s+(?:(?:next|good|possible|user(?:'s|’s)?|follow-up)\s+){1,3}(?:instruction|question|message|prompt)\s+(?:is|could be|would be|might be|should be)\s*:/gi,
];
/** Talk of the machinery, unless the conversation uses the same phrase, or the `word` that the phrase is about. */
const talk = [
  /\b(?:the|this|our|your|each|every|other|all|both|several|two|three)\s+(?:review\s+)?panel(?:'s|ists?)?\s+(?:said|says|found|noted|judged|thinks?|agrees?|verdict|reviews?|feedback|critiques?|criticism)\b/gi,
  /\b(?<word>reviewer|chairman|chairperson)s?\b/gi,
  /\b(?:the|these|this|your|their)\s+(?<word>review|critique|verdict)s?\b/gi,
  /\b(?:this|our)\s+(?<word>interview)\b/gi,
  /\b(?:positive|negative)\s+(?<word>review|verdict)s?\b/gi,
  /\b(?:breadth|depth)\s+(?:evolution|question|direction)\b/gi,
  /\bscore[ds]?\s+(?:of\s+)?\d+(?:\s*\/\s*10| out of 10)\b/gi,
];

/**
 * What makes a text unfit as the next instruction of a conversation: empty, a repetition of an earlier instruction, or a
 * leak of roles, tags or reviews, as far as English words and marks show it. Null when it is fit. Words that the conversation
 * already uses are no leak.
 */
export function validateInstruction(instruction: string, messages: readonly ConversationMessage[]): string | null {
  if (instruction.trim() === "") return "The instruction is empty.";
  const wanted = normalised(instruction);
  if (messages.some((line) => line.role === "user" && normalised(line.content) === wanted)) {
    return "The instruction repeats an earlier one of this conversation. Ask something that was not asked yet.";
  }
  const spoken = messages.map((line) => line.content.toLowerCase()).join("\n");
  const found = [tags, label, ...preamble, ...talk].flatMap((pattern) => [...instruction.matchAll(pattern)]);
  const leak = found.find((match) => !spoken.includes((match.groups?.word ?? match[0]).trim().toLowerCase()))?.[0].trim();
  return leak ? `The instruction contains "${leak}", which a user of this conversation would not write. Say it without.` : null;
}

/** Letters and digits alone, so that case, punctuation and spacing do not hide a repetition. */
function normalised(text: string): string {
  const bare = text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return bare === "" ? text.trim() : bare;
}
