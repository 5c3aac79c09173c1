import { resolveApiKey } from "../api-key.js";
import { createDispatcher } from "../dispatcher.js";
import { type ModelProvider, ProviderConfigurationError } from "../provider.js";
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
      apiKey: resolveApiKey(settings, env, { isRequired: settings.baseUrl === null }),
      temperature: settings.temperature,
      maxTokens: settings.maxOutputTokens,
      timeoutMs,
      dispatcher: createDispatcher(env),
    });
  },
  defaultBaseUrl,
  baseUrlEnv: "OPENAI_BASE_URL",
  hasModelNames: true,
};
