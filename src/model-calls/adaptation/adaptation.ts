import { type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";

import type { ModelRequest } from "../model-call.js";

/** What is changed in requests because their endpoint refuses it. Absent: nothing. */
export interface Adaptation {
  readonly temperature?: "none";
  readonly maxTokensParameter?: "max_tokens" | "max_completion_tokens";
  readonly systemRole?: "system" | "developer" | "merge";
  /** `json_object` and `none` ask for less than the JSON schema of the request. */
  readonly responseFormat?: "json_object" | "none";
}

/** Names of what can be changed. */
export const adaptableParts = ["temperature", "maxTokensParameter", "systemRole", "responseFormat"] as const;
export type AdaptablePart = (typeof adaptableParts)[number];

/** Returns true if a request has what a change would take away. */
export function hasPart({ settings, messages, responseFormat }: ModelRequest, part: AdaptablePart): boolean {
  switch (part) {
    case "temperature":
      return settings.temperature !== null;
    case "maxTokensParameter":
      return !settings.maxTokensParameter;
    case "systemRole":
      return !settings.systemRole && messages.some((message) => SystemMessage.isInstance(message));
    case "responseFormat":
      return responseFormat !== undefined;
  }
}

/** Returns a request as its endpoint takes it. What the settings of the request choose themselves stays. */
export function applyAdaptation(request: ModelRequest, { temperature, maxTokensParameter, systemRole, responseFormat }: Adaptation): ModelRequest {
  const { responseFormat: format, ...rest } = request;
  const settings = {
    ...request.settings,
    ...(temperature && { temperature: null }),
    ...(maxTokensParameter && { maxTokensParameter }),
    ...(systemRole && { systemRole }),
  };
  return {
    ...rest,
    settings,
    messages: settings.systemRole === "merge" ? mergeSystemMessages(request.messages) : request.messages,
    ...(format && responseFormat !== "none" && { responseFormat: responseFormat ? { ...format, type: responseFormat } : format }),
  };
}

/** Puts the text of all system messages before that of the first user message. */
export function mergeSystemMessages(messages: readonly BaseMessage[]): BaseMessage[] {
  const systemMessages = messages.filter((message) => SystemMessage.isInstance(message));
  const others = messages.filter((message) => !SystemMessage.isInstance(message));
  if (systemMessages.length === 0) return others;
  const systemText = systemMessages.map(({ text }) => text).join("\n\n");
  const index = others.findIndex((message) => HumanMessage.isInstance(message));
  const first = others[index];
  // A conversation that starts with an answer gets a user message before it.
  if (!first || index > 0) return [new HumanMessage(systemText), ...others];
  return [new HumanMessage(prependText(systemText, first.content)), ...others.slice(1)];
}

function prependText(text: string, content: BaseMessage["content"]): BaseMessage["content"] {
  if (typeof content === "string") return `${text}\n\n${content}`;
  return [{ type: "text", text: `${text}\n\n` }, ...content];
}
