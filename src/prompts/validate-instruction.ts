import type { ConversationMessage } from "../state/conversation.js";

/** Tags and marks of prompts, which no user types. */
const tags =
  /<\/?(?:ask|raise|think|thinking|instruction|question|review|critique|response|answer|user|assistant|next_instruction)\b[^>]*>|<<<|>>>|```/gi;
/** A label before the instruction. */
const label = /^[\s*_#>]*(?:chairman|user|human|assistant|interviewer|next (?:instruction|question|message)|instruction|question)[\s*_]*:/gi;
/** An announcement of the instruction. */
const preambles = [
  /^\s*(?:(?:sure|certainly|of course|okay|absolutely)\b[^\n:]{0,20})?\bhere(?:'s|’s| is)\s+(?:the|a|an|your|one)\b[^\n:]{0,60}\b(?:instruction|question|message|prompt)\b[^\n:]{0,20}:/gi,
  /^\s*(?:the|a|one)\s+(?:(?:next|good|possible|user(?:'s|’s)?|follow-up)\s+){1,3}(?:instruction|question|message|prompt)\s+(?:is|could be|would be|might be|should be)\s*:/gi,
];
/** Mentions of the panel and its reviews. The group `word` holds the word that makes the phrase a leak. */
const mentions = [
  /\b(?:the|this|our|your|each|every|other|all|both|several|two|three)\s+(?:review\s+)?panel(?:'s|ists?)?\s+(?:said|says|found|noted|judged|thinks?|agrees?|verdict|reviews?|feedback|critiques?|criticism)\b/gi,
  /\b(?<word>reviewer|chairman|chairperson)s?\b/gi,
  /\b(?:the|these|this|your|their)\s+(?<word>review|critique|verdict)s?\b/gi,
  /\b(?:this|our)\s+(?<word>interview)\b/gi,
  /\b(?:positive|negative)\s+(?<word>review|verdict)s?\b/gi,
  /\b(?:breadth|depth)\s+(?:evolution|question|direction)\b/gi,
  /\bscore[ds]?\s+(?:of\s+)?\d+(?:\s*\/\s*10| out of 10)\b/gi,
];

/**
 * Checks the next instruction of a conversation.
 *
 * Finds an empty instruction, a repeated one, and a leak of roles, tags or reviews. Leaks are recognised by marks and English
 * words; a word that the conversation already uses is no leak.
 *
 * @returns The problem, written for the chairman; null if there is none.
 */
export function validateInstruction(instruction: string, messages: readonly ConversationMessage[]): string | null {
  if (instruction.trim() === "") return "The instruction is empty.";
  const normalized = normalize(instruction);
  if (messages.some(({ role, content }) => role === "user" && normalize(content) === normalized)) {
    return "The instruction repeats an earlier one of this conversation. Ask something that was not asked yet.";
  }
  const conversation = messages.map(({ content }) => content.toLowerCase()).join("\n");
  const matches = [tags, label, ...preambles, ...mentions].flatMap((pattern) => [...instruction.matchAll(pattern)]);
  const leak = matches.find((match) => !conversation.includes((match.groups?.word ?? match[0]).trim().toLowerCase()))?.[0].trim();
  return leak ? `The instruction contains "${leak}", which a user of this conversation would not write. Say it without.` : null;
}

/** Reduces a text to letters and digits, so that case, punctuation and spacing do not hide a repetition. */
function normalize(text: string): string {
  const reduced = text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return reduced === "" ? text.trim() : reduced;
}
