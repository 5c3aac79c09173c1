import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";

/** Ends every request for another reply. */
const repairRequest = "Reply to the request above once more, in the form it asks for.";
/** What the model is told of a reply that was cut off. */
export const cutOffNote = "The reply was cut off at the output limit. Reply again in full, more briefly.";
/** What the model is told of a reply that repeats such a note. */
export const echoNote = "The reply repeats a note about replies. Give the reply itself.";

/** Maximum number of characters of a reply to send back: of one that was cut off, and of any other. */
const maxCutOffLength = 400;
const maxReplyLength = 6_000;
/** Longest unit, and shortest text, of a loop. */
const maxLoopUnit = 400;
const minLoopLength = 80;
/** Number of times that a loop says the same. */
const minLoopRepeats = 4;

/**
 * Builds the messages that ask a model again: its reply, shortened where it was cut off or went in a loop, and what was wrong.
 *
 * Builds nothing for an empty reply: endpoints reject empty assistant messages and two user messages in a row.
 */
export function buildRepairMessages(reply: string, problem: string): BaseMessage[] {
  if (reply.trim() === "") return [];
  return [new AIMessage(trimReply(reply, problem === cutOffNote)), new HumanMessage(`${problem}\n\n${repairRequest}`)];
}

/** Returns true for a text that repeats one of our own notes, as small models do. */
export function isNoteEcho(text: string): boolean {
  const words = normalizeWords(text);
  return [repairRequest, ...cutOffNote.split(/(?<=\.) /), echoNote].some((note) => words.includes(normalizeWords(note)));
}

/** Reduces a text to its words in lower case, so that punctuation and spacing do not hide a repetition. */
export function normalizeWords(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/['’]/g, "")
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, " ")
    .trim();
}

/** A looped text as history would make the model go on with the loop. */
function trimReply(reply: string, isCutOff: boolean): string {
  const end = Math.min(findLoop(reply) ?? Infinity, isCutOff ? maxCutOffLength : maxReplyLength);
  return reply.length > end
    ? `${reply
        .slice(0, end)
        .replace(/[\ud800-\udbff]$/, "")
        .trimEnd()} …`
    : reply;
}

/**
 * Finds a loop at the end of a text: the same characters again and again.
 *
 * @returns Where its first unit ends; undefined without a loop.
 */
function findLoop(text: string): number | undefined {
  for (let unit = 1; unit <= maxLoopUnit; unit++) {
    const length = Math.max(minLoopLength, unit * minLoopRepeats);
    if (text.length < length) continue;
    let start = text.length - unit;
    while (start > 0 && text.charAt(start - 1) === text.charAt(start - 1 + unit)) start--;
    if (text.length - start >= length) return start + unit;
  }
  return undefined;
}
