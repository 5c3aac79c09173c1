import type { OpenAIClient } from "@langchain/openai";

import type { ModelSettings } from "../../state/settings.js";

type Message = OpenAIClient.Chat.ChatCompletionMessageParam;
type LimitParameter = "max_tokens" | "max_completion_tokens";
/** The part of a request that settings change after LangChain has written it. */
interface RequestBody {
  readonly messages: Message[];
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
}

/** Returns settings as fields of LangChain's model, which writes them into each request. */
export function toModelFields(settings: ModelSettings) {
  const { temperature, maxOutputTokens, topP, samplingSeed, stop = [], frequencyPenalty, presencePenalty, repetitionPenalty, extraBody } = settings;
  return {
    temperature: temperature ?? undefined,
    maxTokens: maxOutputTokens,
    topP: topP ?? undefined,
    frequencyPenalty: frequencyPenalty ?? undefined,
    presencePenalty: presencePenalty ?? undefined,
    ...(stop.length > 0 && { stop: [...stop] }),
    modelKwargs: {
      ...extraBody,
      ...(typeof samplingSeed === "number" && { seed: samplingSeed }),
      ...(typeof repetitionPenalty === "number" && { repetition_penalty: repetitionPenalty }),
    },
  };
}

/** Gives role and output limit of a request the names that the settings choose. LangChain chooses by the model's name. */
export function applyRequestNames<T extends RequestBody>(body: T, { maxTokensParameter, systemRole }: ModelSettings): T {
  const messages = body.messages.map((message) => replaceSystemRole(message, systemRole));
  return { ...body, messages, ...(maxTokensParameter && toLimitField(body, maxTokensParameter)) };
}

function replaceSystemRole(message: Message, systemRole: ModelSettings["systemRole"]): Message {
  if (message.role !== "system" && message.role !== "developer") return message;
  if (!systemRole || systemRole === "merge" || systemRole === message.role) return message;
  return { role: systemRole, content: message.content };
}

function toLimitField({ max_tokens, max_completion_tokens }: RequestBody, name: LimitParameter) {
  const limit = max_tokens ?? max_completion_tokens;
  return { max_tokens: undefined, max_completion_tokens: undefined, [name]: limit };
}
