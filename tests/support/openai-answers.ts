import { createHash } from "node:crypto";

import { parseQuotes } from "../../src/model-calls/quote-untrusted.js";
import type { ServerRequest } from "./openai-server.js";

/** A sensible answer by role. The same request always gets the same answer; a different one a different answer. */
export function defaultAnswer(request: ServerRequest): string {
  const { messages } = request.body;
  const last = messages.at(-1)?.content ?? "";
  if (request.role === "candidate") return `To "${last.slice(0, 60)}": start with step ${hash(messages)}, then check the result and repeat.`;
  if (request.role === "chairman") {
    const mark = hash(messages);
    return JSON.stringify({ instruction: `How would case ${mark} change what you just told me?` });
  }
  return JSON.stringify(defaultReview(messages[0]?.content ?? "", last));
}

/** Scores and verdict follow from answer and reviewer, so both directions occur. */
function defaultReview(system: string, material: string) {
  const answer = parseQuotes(material).findLast((quote) => quote.label === "answer")?.text ?? material;
  const mark = hash([system, answer]);
  const score = 3 + (Number.parseInt(mark, 16) % 6);
  return {
    critique: `Critique ${mark}: "${answer.slice(0, 40)}" names no reason for its first step, so nobody could tell when it fails.`,
    scores: { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score },
    verdict: score >= 6 ? "positive" : "negative",
  };
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 8);
}
