import type { BaseMessage } from "@langchain/core/messages";
import { z } from "zod";

import type { ModelResponse } from "../model-call.js";
import { AttemptError } from "./attempt-error.js";
import { cleanText } from "../../text/clean-text.js";
import { classifyFinishReason } from "./finish-reason.js";
import { joinReasoning } from "../../text/harmony.js";
import { stripReasoning } from "../../text/strip-reasoning.js";
import { trimTemplateTokens } from "../../text/template-tokens.js";

/** Bounds names from a server, which end up in every row. */
const maxNameLength = 200;

const tokenCount = z.int().min(0).nullable().catch(null);
const Usage = z.object({ input_tokens: tokenCount, output_tokens: tokenCount });
const optionalName = z.string().trim().min(1).optional().catch(undefined);
const optionalText = z.string().catch("");
const Metadata = z.object({ model_name: optionalName, model: optionalName });
/** Fields in which LangChain's packages report how a response ended. */
const reasonFields = ["finish_reason", "stop_reason", "finishReason", "stopReason", "done_reason"];
const TextBlock = z.object({ type: z.literal("text"), text: z.string() });
const ReasoningBlock = z.object({ type: z.enum(["reasoning", "thinking"]), reasoning: optionalText, thinking: optionalText, text: optionalText });
const ReasoningFields = z.object({ reasoning_content: optionalText, reasoning: optionalText }).catch({ reasoning_content: "", reasoning: "" });

/**
 * Converts LangChain's message to a response: the text blocks only, cleaned, with reasoning apart and no template tokens.
 *
 * A response whose reasoning was cut off has no text and the finish reason `length`.
 *
 * @param model Name to report where the endpoint reports none.
 * @throws {AttemptError} Retryable, for a finish reason that is none of a finished response.
 */
export function parseAiMessage(message: BaseMessage, model: string): ModelResponse {
  const fields: Record<string, unknown> = { ...message.response_metadata };
  const reason = reasonFields.map((name) => fields[name]).find((value) => value !== undefined && value !== null);
  const kind = classifyFinishReason(reason);
  if (kind === "failed")
    throw new AttemptError("model_unavailable", `the response ended with the finish reason ${JSON.stringify(reason)}`, { retryable: true });
  const stripped = stripReasoning(cleanText(getText(message.content)));
  const { text, ended } = trimTemplateTokens(stripped.text);
  const reasoning = cleanText(joinReasoning([getReasoning(message), stripped.reasoning]));
  const usage = Usage.parse("usage_metadata" in message ? (message.usage_metadata ?? {}) : {});
  const metadata = Metadata.parse(fields);
  return {
    text,
    finishReason: kind === "length" && ended ? "stop" : stripped.cutOff && kind === "stop" ? "length" : kind,
    usage: { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens },
    model: (metadata.model_name ?? metadata.model ?? model).slice(0, maxNameLength),
    messageId: optionalName.parse(message.id)?.slice(0, maxNameLength),
    ...(reasoning !== "" && { reasoning }),
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

/** Returns the reasoning that the endpoint sent apart from the text. */
function getReasoning({ content, additional_kwargs }: BaseMessage): string {
  const { reasoning_content, reasoning } = ReasoningFields.parse(additional_kwargs ?? {});
  const blocks = Array.isArray(content) ? content.map((block) => ReasoningBlock.safeParse(block).data) : [];
  const texts = blocks.flatMap((block) => (block ? [block.reasoning || block.thinking || block.text] : []));
  return joinReasoning([reasoning_content || reasoning, ...texts]);
}
