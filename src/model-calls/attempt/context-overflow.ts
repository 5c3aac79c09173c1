import type { ModelCallCode } from "../../errors.js";
import { AttemptError } from "./attempt-error.js";

/** Codes and error types by which servers name an overflow. */
const overflowCodes =
  /context_length_exceeded|exceed_context_size|context_?window_?exceeded|tokens_limit_reached|prompt_tokens_exceeded|string_above_max_length/i;

/** What servers write when a prompt, or a prompt with its output limit, is longer than the context. Real messages: see the test. */
const overflowTexts: readonly RegExp[] = [
  // OpenAI, vLLM, OpenRouter, xAI, Mistral, DeepSeek
  /\bmax(?:imum)? (?:context|prompt|model|input|sequence)[ -](?:length|size)/i,
  // llama.cpp, Ollama, SGLang, LM Studio, Anthropic, MiniMax
  /\bcontext (?:length|size|window|limit)[^.]{0,60}(?:exceed|overflow|is only)/i,
  /\b(?:exceed|overflow|longer than|larger than|greater than)[^.]{0,60}\bcontext (?:length|size|window|limit)/i,
  /\bcontext the overflows|\bcontext length of only \d/i,
  // Anthropic, Bedrock, Fireworks, node-llama-cpp
  /\b(?:prompt|input|messages?|conversation)\b[^.]{0,40}\btoo (?:long|large)\b|\btoo long prompt\b/i,
  // Gemini, GitHub, TensorRT-LLM, Z.ai
  /\b(?:prompt|input|messages|conversation)\b[^.]{0,60}\bexceed(?:s|ed)?\b[^.]{0,40}\b(?:tokens?|length|limit|maximum|max)\b/i,
  /\binput token count\b[^.]{0,40}\bsupports\b|\bshould not exceed max_num_tokens/i,
  /\btoo large for [^.]{0,60}\. max size: \d+ tokens/i,
  // Groq, Cerebras
  /\breduce the length of the (?:messages|prompt|input)|\breduce your prompt/i,
  // Text Generation Inference
  /`?inputs`? tokens \+ `?max_new_tokens`? must be|`inputs` must have less than \d+ tokens/i,
  // Cohere, Moonshot, DashScope, MLC, older vLLM
  /\btoo many tokens\b|\bexceeded model token limit|\brange of input length should be|\bmodel input length limit/i,
  /\bmax_tokens must be at least 1, got -\d/i,
  // A gateway in front of the server
  /\b(?:request entity|request body|payload|content) too large\b|\brequest exceeds the maximum size/i,
  /超长|超[出过][^。]{0,20}(?:上下文|长度)/,
];

/** Quotas also count tokens, but a shorter prompt is not what they ask for. */
const quotaTexts = /\bper[ -]?(?:minute|min|hour|day|month)\b|\bTPM\b|\bTPD\b|\brate.?limit|\bquota\b/i;

/** Codes whose meaning no message changes. */
const settledCodes: readonly ModelCallCode[] = [
  "model_unauthorized",
  "model_insufficient_quota",
  "model_quota_exhausted",
  "model_request_refused",
  "model_not_found",
  "model_rate_limited",
  "model_timeout",
];

/**
 * Gives an attempt error the code `model_context_overflow` if the server says that the prompt does not fit its context.
 *
 * Servers send an overflow with almost any status (400, 413, 422, 500, and 200), so that only their words tell. An output limit
 * that no prompt could go with is `model_invalid_configuration`.
 *
 * @param words The messages, codes and types of the error and its causes.
 */
export function detectContextOverflow(error: AttemptError, words: readonly string[]): AttemptError {
  if (settledCodes.includes(error.code) || !isContextOverflow([error.message, ...words])) return error;
  const code = words.some(isOutputLimitTooLarge) ? "model_invalid_configuration" : "model_context_overflow";
  return new AttemptError(code, error.message, { ...error.details, retryable: false }, { cause: error.cause });
}

function isContextOverflow(words: readonly string[]): boolean {
  if (words.some((text) => overflowCodes.test(text))) return true;
  return words.some((text) => overflowTexts.some((pattern) => pattern.test(text)) && !quotaTexts.test(text));
}

/** Returns true if the output limit alone is at least the context, as vLLM and OpenAI report both. */
function isOutputLimitTooLarge(text: string): boolean {
  const context = /context length is (?:only )?(\d+)/i.exec(text)?.[1];
  const output = /(\d+) (?:in|for) the completion|is too large: (\d+)|requested (\d+) output tokens/i.exec(text);
  const limit = output?.[1] ?? output?.[2] ?? output?.[3];
  return context !== undefined && limit !== undefined && Number(limit) >= Number(context);
}
