import type { Env } from "../../env.js";
import type { ModelSettings } from "../../state/settings.js";
import { getApiKey } from "../api-key.js";
import { type ModelProvider, ProviderConfigurationError } from "../provider.js";
import { OpenAiCompatibleChatModel } from "./chat-model.js";

/** Sent if no key is set, as local servers require some key. */
const placeholderApiKey = "none";

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
      apiKey: resolveApiKey(settings, env),
      temperature: settings.temperature,
      maxTokens: settings.maxOutputTokens,
      timeoutMs,
    });
  },
  defaultBaseUrl,
  hasModelNames: true,
};

function resolveApiKey(settings: ModelSettings, env: Env): string {
  const key = getApiKey(settings, env);
  if (key === undefined && settings.baseUrl === null) {
    throw new ProviderConfigurationError(
      `the environment variable ${settings.apiKeyEnv} is not set. Set it to the API key, name another variable, or set a base URL`,
    );
  }
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw new ProviderConfigurationError(
      `the environment variable ${settings.apiKeyEnv} contains spaces or characters that are not allowed in an API key. Set it again`,
    );
  }
  return key ?? placeholderApiKey;
}
