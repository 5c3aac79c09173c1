import type { BaseMessage } from "@langchain/core/messages";
import { z } from "zod";

import type { ModelResponse } from "../model-call.js";
import { stripReasoning } from "./strip-reasoning.js";

/** Finish reasons of the providers for a response that reached its output limit. */
const lengthReasons = new Set(["length", "max_tokens", "max_output_tokens", "model_length"]);
/** Finish reasons of the providers for a declined request. */
const refusalReasons = new Set(["content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist"]);

/** Bounds names from a server, which end up in every row. */
const maxNameLength = 200;

const tokenCount = z.int().min(0).nullable().catch(null);
const Usage = z.object({ input_tokens: tokenCount, output_tokens: tokenCount });
const optionalName = z.string().trim().min(1).optional().catch(undefined);
const Metadata = z.object({
  finish_reason: optionalName,
  stop_reason: optionalName,
  finishReason: optionalName,
  done_reason: optionalName,
  model_name: optionalName,
  model: optionalName,
});
const TextBlock = z.object({ type: z.literal("text"), text: z.string() });

/**
 * Converts LangChain's message to a response: the text blocks only, without reasoning.
 *
 * A response whose reasoning was cut off has no text and the finish reason `length`.
 *
 * @param model Name to report where the endpoint reports none.
 */
export function parseAiMessage(message: BaseMessage, model: string): ModelResponse {
  const metadata = Metadata.parse(message.response_metadata ?? {});
  const reason = (metadata.finish_reason ?? metadata.stop_reason ?? metadata.finishReason ?? metadata.done_reason ?? "").toLowerCase();
  const { text, cutOff } = stripReasoning(getText(message.content));
  const usage = Usage.parse("usage_metadata" in message ? (message.usage_metadata ?? {}) : {});
  return {
    text,
    finishReason: refusalReasons.has(reason) ? "refusal" : cutOff || lengthReasons.has(reason) ? "length" : "stop",
    usage: { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens },
    model: (metadata.model_name ?? metadata.model ?? model).slice(0, maxNameLength),
    messageId: optionalName.parse(message.id)?.slice(0, maxNameLength),
  };
}

function getText(content: BaseMessage["content"]): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .flatMap((block) => {
      const { data } = TextBlock.safeParse(block);
      return data ? [data.text] : [];
    })
    .join("");
}
