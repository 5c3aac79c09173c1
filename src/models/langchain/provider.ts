import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { type Dispatcher, setGlobalDispatcher } from "undici";

import type { Env } from "../../env.js";
import { resolveApiKey } from "../api-key.js";
import { createDispatcher, describeProxies } from "../dispatcher.js";
import type { ImportModule } from "../import-installed-module.js";
import { type CreateModelOptions, type ModelProvider, ProviderConfigurationError } from "../provider.js";
import { wrapChatModel } from "./wrap-chat-model.js";
import { loadChatModelClass } from "./load-chat-model-class.js";
import type { LangChainPackage } from "./packages.js";
import { toSettingFields } from "./setting-fields.js";

/**
 * Creates the provider of a LangChain package, which is imported when its first model is called.
 *
 * @param importModule Default: `import()`.
 */
export function createLangChainProvider(definition: LangChainPackage, importModule?: ImportModule): ModelProvider {
  const { apiKeyEnvs, defaultBaseUrl, baseUrlEnv } = definition;
  return {
    create: async (options) => {
      const fields = getFields(definition, options);
      const ChatModel = await loadChatModelClass(definition, importModule);
      return wrapChatModel(
        createModel(() => new ChatModel(fields), definition),
        definition,
      );
    },
    defaultBaseUrl,
    hasModelNames: true,
    apiKeyEnvs,
    ...(baseUrlEnv === undefined ? {} : { baseUrlEnv }),
  };
}

function getFields(definition: LangChainPackage, { name, settings, env }: CreateModelOptions): Record<string, unknown> {
  const url = new URL(settings.baseUrl ?? definition.defaultBaseUrl);
  if (url.username !== "" || url.password !== "" || url.search !== "") {
    throw new ProviderConfigurationError(`the base URL of "${definition.id}" must have neither credentials nor a query. Remove them from the URL`);
  }
  const dispatcher = createDispatcher(env);
  if (definition.usesGlobalFetch) useGlobalProxies(dispatcher, env);
  const fields = definition.toFields({
    name,
    settings,
    baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    apiKey: resolveApiKey(settings, env, { isRequired: settings.baseUrl === null && definition.apiKeyEnvs.length > 0 }),
    fetch: createFetch(dispatcher),
  });
  return { ...fields, ...toSettingFields(settings, definition, env), maxRetries: 0 };
}

/** Some packages know the global `fetch` alone, so proxies can only be set for the whole process. */
function useGlobalProxies(dispatcher: Dispatcher, env: Env): void {
  if (describeProxies(env) !== null) setGlobalDispatcher(dispatcher);
}

/** Creates a `fetch` that does not follow redirects, which could send key and prompt elsewhere. */
function createFetch(dispatcher: Dispatcher): typeof fetch {
  return (input, init) => {
    const options = { ...init, redirect: "manual" as const, dispatcher };
    return fetch(input, options);
  };
}

/** Creates a model; what its package says about the fields is a configuration error. */
function createModel(create: () => BaseChatModel, { packageName }: LangChainPackage): BaseChatModel {
  try {
    return create();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProviderConfigurationError(`the package ${packageName} refuses its settings (${reason})`, { cause: error });
  }
}
