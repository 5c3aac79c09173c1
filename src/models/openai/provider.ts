import type { Env } from "../../env.js";
import type { ModelSettings } from "../../state/settings.js";
import { resolveApiKey } from "../api-key.js";
import { createDispatcher } from "../dispatcher.js";
import { type ModelProvider, ProviderConfigurationError } from "../provider.js";
import { hasKeyHeader, resolveHeaders } from "../request-headers.js";
import { OpenAiCompatibleChatModel } from "./chat-model.js";

const defaultBaseUrl = "https://api.openai.com/v1";

/** `openai:<name>`: OpenAI, or any server with the same protocol. */
export const openaiProvider: ModelProvider = {
  create: ({ name, settings, env, timeoutMs }) => {
    const url = new URL(settings.baseUrl ?? defaultBaseUrl);
    if (url.username !== "" || url.password !== "") {
      throw new ProviderConfigurationError(
        `the base URL contains credentials. Put the key into the environment variable ${settings.apiKeyEnv} and remove it from the URL`,
      );
    }
    return new OpenAiCompatibleChatModel({
      model: name,
      baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
      query: url.searchParams,
      headers: createHeaders(settings, env),
      settings,
      timeoutMs,
      dispatcher: createDispatcher(env),
    });
  },
  defaultBaseUrl,
  baseUrlEnv: "OPENAI_BASE_URL",
  hasModelNames: true,
};

/** Where a header of the settings carries the key, as Azure's `api-key`, no other key is needed or sent. */
function createHeaders(settings: ModelSettings, env: Env): Record<string, string> {
  const headers = resolveHeaders(settings, env);
  if (hasKeyHeader(settings)) return headers;
  const apiKey = resolveApiKey(settings, env, { isRequired: settings.baseUrl === null });
  return { authorization: `Bearer ${apiKey}`, ...headers };
}
