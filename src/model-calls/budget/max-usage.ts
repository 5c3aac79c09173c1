import { ModelCallError } from "../../errors.js";
import type { ModelRequest } from "../model-call.js";
import { AttemptError } from "../attempt/attempt-error.js";
import type { Tokens } from "./usage-ledger-lines.js";
import { wasNeverSent } from "../attempt/request-sent.js";

/** Marks that chat templates put around a message: 3 to 5 tokens in ChatML, Llama 3 and Harmony. */
const tokensAroundMessage = 16;
/** What templates add once: start marks and a system text of their own (the longest known, Harmony's, has about 100 tokens). */
const tokensAroundRequest = 256;

/**
 * The most tokens that one attempt can take.
 *
 * Input: a token of any tokenizer in use (byte-level BPE, or SentencePiece with byte fallback) stands for at least one byte
 * of text, so UTF-8 bytes bound tokens from above; some tokenizers normalise first, so the longest of the normal forms
 * counts. The JSON of messages and schema is never shorter than what a template makes of them. Templates' own words come on
 * top. Output: the output limit. Only an endpoint that adds a long hidden prompt, or ignores the output limit, takes more.
 */
export function getMaxUsage({ messages, settings, responseFormat }: ModelRequest): Tokens {
  const content = messages.map((message) => countBytes([message.type, message.content]) + tokensAroundMessage);
  const input = content.reduce((sum, tokens) => sum + tokens, tokensAroundRequest) + (responseFormat ? countBytes(responseFormat) : 0);
  return { inputTokens: input, outputTokens: settings.maxOutputTokens };
}

function countBytes(value: unknown): number {
  const json = JSON.stringify(value);
  // ASCII is its own normal form.
  if (/^[\x00-\x7f]*$/.test(json)) return json.length;
  return Math.max(...[json, json.normalize("NFC"), json.normalize("NFKC")].map((text) => Buffer.byteLength(text)));
}

/** Statuses by which a gateway gives up on a server that may go on working: timeouts, and lost or broken answers. */
const gatewayStatuses = new Set([408, 499, 502, 504, 520, 524]);

/**
 * Whether an attempt that failed may have been charged all the same. Not so: a request that never left, and one that the
 * endpoint answered with an error status, apart from a gateway's. So: timeouts, resets, aborts, broken answers, and all else.
 */
export function isPossiblyCharged(error: unknown): boolean {
  if (error instanceof ModelCallError) return error.code !== "model_invalid_configuration";
  if (!(error instanceof AttemptError)) return true;
  const { detail } = error;
  if (detail.status !== undefined && detail.status >= 400) return gatewayStatuses.has(detail.status);
  const unsent = error.code === "model_invalid_configuration" || detail.requestNotSent === true || wasNeverSent(error);
  return !unsent;
}
