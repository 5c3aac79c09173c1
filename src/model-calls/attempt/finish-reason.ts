import type { ModelResponse } from "../model-call.js";

/** What a finish reason says of a response; `failed` is no response. */
export type FinishReasonKind = ModelResponse["finishReason"] | "failed";

/** Finish reasons of all known servers and providers. Whatever is not listed here is a failure. */
const reasonsByKind: Readonly<Record<ModelResponse["finishReason"], readonly string[]>> = {
  stop: [
    "stop",
    "stopped",
    "end",
    "eos",
    "eos_token",
    "eog_token",
    "eot",
    "end_turn",
    "end_of_turn",
    "stop_sequence",
    "stop_token",
    "stop_word",
    "stop_string",
    "stop_generation_trigger",
    "custom_stop_trigger",
    "complete",
    "completed",
    "finished",
    "done",
    "normal",
    "success",
  ],
  length: [
    "length",
    "max_length",
    "maxlength",
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "max_new_tokens",
    "model_length",
    "max_output_reached",
    "max_tokens_reached",
    "token_limit",
    "token_limit_reached",
    "tokens_limit",
    "output_limit",
    "length_limit",
    "limit",
    "length_capped",
    "model_context_window_exceeded",
    "context_window_exceeded",
    "context_length",
    "context_length_exceeded",
    "max_context_length",
    "time_limit",
    "incomplete",
    "truncated",
    "error_limit",
  ],
  refusal: [
    "content_filter",
    "content_filtered",
    "contentfilter",
    "filtered",
    "refusal",
    "refused",
    "safety",
    "image_safety",
    "recitation",
    "sensitive",
    "image_recitation",
    "prohibited_content",
    "image_prohibited_content",
    "blocklist",
    "blocked",
    "spii",
    "moderation",
    "flagged",
    "error_toxic",
    "guardrail",
    "guardrails",
    "guardrail_intervened",
    "content_policy",
    "content_policy_violation",
    "policy_violation",
    "jailbreak",
    "risk",
  ],
};
const kinds = new Map(Object.entries(reasonsByKind).flatMap(([kind, reasons]) => reasons.map((reason) => [reason, toKind(kind)] as const)));

/** What servers write where there is no reason. */
const emptyReasons: readonly string[] = ["", "null", "none", "undefined"];

/**
 * Normalizes a finish reason: words in lower case, joined by underscores.
 *
 * @returns Null where the server gave none.
 */
export function normalizeFinishReason(reason: unknown): string | null {
  if (reason === null || reason === undefined) return null;
  const text = typeof reason === "string" ? reason : (JSON.stringify(reason) ?? "");
  const words = text
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .replace(/^(?:finish|stop)_reason_(?=.)/, "");
  return emptyReasons.includes(words) ? null : words;
}

/**
 * Classifies a finish reason in any spelling. Only known good ones count as finished.
 *
 * @param reason Absent in a whole response that needs none, which then is finished.
 */
export function classifyFinishReason(reason: unknown): FinishReasonKind {
  const normalized = normalizeFinishReason(reason);
  if (normalized === null) return "stop";
  // LangChain joins what the chunks of a stream repeat: `stopstop`.
  const single = kinds.get(normalized.replace(/^(.+?)(?:_?\1)+$/, "$1"));
  if (single) return single;
  // Some servers append the kind of a filter: `content_filter: PROHIBITED_CONTENT`.
  return normalized.startsWith("content_filter") ? "refusal" : "failed";
}

function toKind(kind: string): ModelResponse["finishReason"] {
  return kind === "length" || kind === "refusal" ? kind : "stop";
}
