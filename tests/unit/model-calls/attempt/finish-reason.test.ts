import { describe, expect, it } from "vitest";

import { type FinishReasonKind, classifyFinishReason } from "../../../../src/model-calls/attempt/finish-reason.js";

/** What servers and providers send, by what it means. */
const reasons: Readonly<Record<FinishReasonKind, readonly unknown[]>> = {
  stop: [
    "stop",
    "STOP",
    "eos",
    "eos_token",
    "eogToken",
    "end_turn",
    "stop_sequence",
    "STOP_SEQUENCE",
    "complete",
    "COMPLETE",
    "customStopTrigger",
    " stop ",
    "FINISH_REASON_STOP",
    "stopstop",
    "STOPSTOPSTOP",
    "end_turnend_turn",
    null,
    undefined,
    "",
    "null",
  ],
  length: [
    "length",
    "LENGTH",
    "max_tokens",
    "MAX_TOKENS",
    "maxTokens",
    "max_output_tokens",
    "model_length",
    "model_context_window_exceeded",
    "FINISH_REASON_MAX_TOKENS",
    "token_limit",
  ],
  refusal: [
    "content_filter",
    "content-filter",
    "ContentFilter",
    "SAFETY",
    "safety",
    "RECITATION",
    "PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "sensitive",
    "refusal",
    "guardrail_intervened",
    "content_filter: PROHIBITED_CONTENT",
  ],
  failed: [
    "error",
    "ERROR",
    "network_error",
    "insufficient_system_resource",
    "abort",
    "aborted",
    "cancelled",
    "tool_calls",
    "function_call",
    "OTHER",
    "LANGUAGE",
    "FINISH_REASON_UNSPECIFIED",
    "MALFORMED_FUNCTION_CALL",
    "unknown",
    "load",
    7,
    false,
    { type: "x" },
  ],
};

describe("classifyFinishReason", () => {
  const cells = Object.entries(reasons).flatMap(([kind, spellings]) => spellings.map((reason) => [reason, kind] as const));
  it.each(cells)("the finish reason %j means %s", (reason, kind) => {
    expect(classifyFinishReason(reason)).toBe(kind);
  });
});
