import type { BaseMessage } from "@langchain/core/messages";
import { z } from "zod";

import type { ModelResponse } from "../model-call.js";
import { stripReasoning } from "./strip-reasoning.js";

/** What the providers call a reply that ran into its output limit, or that was declined. */
const cutOffReasons = new Set(["length", "max_tokens", "max_output_tokens", "model_length"]);
const declinedReasons = new Set(["content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist"]);

const tokens = z.int().min(0).nullable().catch(null);
const Usage = z.object({ input_tokens: tokens, output_tokens: tokens });
const word = z.string().trim().min(1).optional().catch(undefined);
const Metadata = z.object({ finish_reason: word, stop_reason: word, finishReason: word, done_reason: word, model_name: word, model: word });
const TextBlock = z.object({ type: z.literal("text"), text: z.string() });

/**
 * What a model said, from the message that LangChain made of it: the text blocks alone, without thinking. A reply whose
 * thinking was cut off has no text and the finish `length`. `model` is the name to report where the endpoint gives none.
 */
export function parseAiMessage(message: BaseMessage, model: string): ModelResponse {
  const metadata = Metadata.parse(message.response_metadata ?? {});
  const reason = (metadata.finish_reason ?? metadata.stop_reason ?? metadata.finishReason ?? metadata.done_reason ?? "").toLowerCase();
  const { text, cutOff } = stripReasoning(getText(message.content));
  const usage = Usage.parse("usage_metadata" in message ? (message.usage_metadata ?? {}) : {});
  return {
    text,
    finishReason: declinedReasons.has(reason) ? "refusal" : cutOff || cutOffReasons.has(reason) ? "length" : "stop",
    usage: { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens },
    model: (metadata.model_name ?? metadata.model ?? model).slice(0, 200),
    messageId: word.parse(message.id)?.slice(0, 200),
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
