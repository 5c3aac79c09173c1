import { ModelCallError } from "../../errors.js";
import { AttemptError } from "../attempt/attempt-error.js";
import type { ModelRequest } from "../model-call.js";
import type { Tokens } from "./usage-ledger-lines.js";

/** Marks that chat templates put around a message: 3 to 5 tokens in ChatML, Llama 3 and Harmony. */
const tokensPerMessage = 16;
/** Start marks and system text that chat templates add once. The longest known text, Harmony's, has about 100 tokens. */
const tokensPerRequest = 256;

/**
 * Returns the maximum number of tokens that one attempt can use.
 *
 * Input: a token of any tokenizer in use (byte-level BPE, or SentencePiece with byte fallback) covers at least one byte of
 * text, so the number of UTF-8 bytes is an upper bound. Some tokenizers normalise first, so the longest normal form counts.
 * The JSON of messages and schema is at least as long as what a template makes of them; the template's own text is added.
 * Output: the output limit. An endpoint exceeds this only if it adds a long hidden prompt or ignores the output limit.
 */
export function getMaxUsage({ messages, settings, responseFormat }: ModelRequest): Tokens {
  const messageTokens = messages.map((message) => countBytes([message.type, message.content]) + tokensPerMessage);
  const schemaTokens = responseFormat ? countBytes(responseFormat) : 0;
  // Some of it goes into chat templates.
  const extraTokens = settings.extraBody ? countBytes(settings.extraBody) : 0;
  return {
    inputTokens: messageTokens.reduce((sum, tokens) => sum + tokens, tokensPerRequest) + schemaTokens + extraTokens,
    outputTokens: settings.maxOutputTokens,
  };
}

function countBytes(value: unknown): number {
  const json = JSON.stringify(value);
  // ASCII is its own normal form.
  if (/^[\x00-\x7f]*$/.test(json)) return json.length;
  return Math.max(...[json, json.normalize("NFC"), json.normalize("NFKC")].map((text) => Buffer.byteLength(text)));
}

/** Statuses of a gateway that gives up on a server which may continue: timeouts, and lost or broken responses. */
const gatewayStatuses: readonly number[] = [408, 499, 502, 504, 520, 524];

/**
 * Returns true if a failed attempt may have been charged.
 *
 * Certainly not charged are requests that were never sent, and those answered with an error status, except a gateway's. All
 * others may be: timeouts, resets, aborts, broken responses.
 */
export function isPossiblyCharged(error: unknown): boolean {
  if (error instanceof ModelCallError) return error.code !== "model_invalid_configuration";
  if (!(error instanceof AttemptError)) return true;
  const { status, requestNotSent, notCharged } = error.details;
  if (notCharged) return false;
  if (status !== undefined && status >= 400) return gatewayStatuses.includes(status);
  return error.code !== "model_invalid_configuration" && requestNotSent !== true;
}
