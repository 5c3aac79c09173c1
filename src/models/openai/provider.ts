import type { Env } from "../../env.js";
import type { ModelSettings } from "../../state/settings.js";
import { getApiKey } from "../api-key.js";
import { type ModelProvider, ProviderConfigurationError } from "../provider.js";
import { EndpointChatModel } from "./chat-model.js";

/** Sent where no key is set: local servers require some key. */
const placeholderApiKey = "none";

const defaultBaseUrl = "https://api.openai.com/v1";

/** `openai:<name>`: OpenAI, or any server that speaks its protocol. */
export const openaiProvider: ModelProvider = {
  create: ({ name, settings, env, timeoutMs }) => {
    const url = new URL(settings.baseUrl ?? defaultBaseUrl);
    if (url.username !== "" || url.password !== "") {
      throw new ProviderConfigurationError(
        `the base URL holds credentials. Put the key into the environment variable ${settings.apiKeyEnv} and take it out of the URL`,
      );
    }
    return new EndpointChatModel({
      model: name,
      baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
      query: url.searchParams,
      key: readApiKey(settings, env),
      temperature: settings.temperature,
      maxTokens: settings.maxOutputTokens,
      timeoutMs,
    });
  },
  defaultBaseUrl,
  hasModelNames: true,
};

function readApiKey(settings: ModelSettings, env: Env): string {
  const key = getApiKey(settings, env);
  if (key === undefined && settings.baseUrl === null) {
    throw new ProviderConfigurationError(
      `the environment variable ${settings.apiKeyEnv} is not set. Put the API key into it, or name another variable, or set a base URL`,
    );
  }
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw new ProviderConfigurationError(
      `the environment variable ${settings.apiKeyEnv} holds blanks or characters that no API key has. Set it again`,
    );
  }
  return key ?? placeholderApiKey;
}
