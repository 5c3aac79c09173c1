import { createHash } from "node:crypto";

import { parseQuotes } from "../../src/text/quote-untrusted.js";
import type { ServerRequest } from "./openai-server.js";

/** Creates a valid response text for the role. Equal requests get equal texts, and different requests different ones. */
export function createDefaultContent(request: ServerRequest): string {
  const { messages } = request.body;
  const last = messages.at(-1)?.content ?? "";
  const hash = getHash(messages);
  if (request.role === "candidate") return `To "${last.slice(0, 60)}": start with step ${hash}, then check the result and repeat.`;
  if (request.role === "chairman") return JSON.stringify({ instruction: `How would case ${hash} change what you just told me?` });
  return JSON.stringify(createReview(messages[0]?.content ?? "", last));
}

/** Derives scores and verdict from answer and reviewer, so that both verdicts occur. */
function createReview(systemPrompt: string, prompt: string) {
  const answer = parseQuotes(prompt).findLast((quote) => quote.label === "answer")?.text ?? prompt;
  const hash = getHash([systemPrompt, answer]);
  const score = 3 + (Number.parseInt(hash, 16) % 6);
  return {
    critique: `Critique ${hash}: "${answer.slice(0, 40)}" names no reason for its first step, so nobody could tell when it fails.`,
    scores: { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score },
    verdict: score >= 6 ? "positive" : "negative",
  };
}

function getHash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 8);
}
