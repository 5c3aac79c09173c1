import type { ModelSettings } from "../../state/settings.js";
import type { SchemaDialect } from "./response-format.js";
import type { SettingNames } from "./setting-fields.js";

/** What a chat model of a LangChain package is created with. */
export interface ChatModelFields {
  /** The model's name at the provider. */
  readonly name: string;
  readonly settings: ModelSettings;
  /** Base URL without a slash at its end. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** `fetch` with the proxies of the environment and without timeouts of its own. */
  readonly fetch: typeof fetch;
}

/** A LangChain package with a chat model, which users install themselves. */
export interface LangChainPackage {
  /** The word before the colon in a model's name. */
  readonly id: string;
  readonly packageName: string;
  /** Versions that are known to work, as in `peerDependencies`. */
  readonly range: string;
  readonly className: string;
  /** Variables of which the first that is set holds the key. Empty: no key is needed. */
  readonly apiKeyEnvs: readonly string[];
  readonly defaultBaseUrl: string;
  /** Variable that holds the base URL where the settings name none. */
  readonly baseUrlEnv?: string;
  /** How a JSON schema is asked for. */
  readonly schemaDialect: SchemaDialect;
  readonly settingNames: SettingNames;
  /** True if the package takes no `fetch` and uses the global one. */
  readonly usesGlobalFetch: boolean;
  /** Returns the fields of the constructor. `maxRetries: 0` is added to them. */
  readonly toFields: (fields: ChatModelFields) => Record<string, unknown>;
}

/** Packages by which `<id>:<model>` is called. A new one is an entry here, and an optional peer dependency. */
export const langChainPackages: readonly LangChainPackage[] = [
  {
    id: "anthropic",
    packageName: "@langchain/anthropic",
    range: "^1.5.0",
    className: "ChatAnthropic",
    apiKeyEnvs: ["ANTHROPIC_API_KEY"],
    defaultBaseUrl: "https://api.anthropic.com",
    baseUrlEnv: "ANTHROPIC_BASE_URL",
    schemaDialect: "anthropic",
    settingNames: { topP: "topP", stop: "stopSequences", extraBody: "invocationKwargs" },
    usesGlobalFetch: false,
    toFields: ({ name, settings, baseUrl, apiKey, fetch }) => ({
      ...getCommonFields(name, settings),
      maxTokens: settings.maxOutputTokens,
      apiKey,
      anthropicApiUrl: baseUrl,
      clientOptions: { fetch, logLevel: "off" },
    }),
  },
  {
    id: "google-genai",
    packageName: "@langchain/google-genai",
    range: "^2.2.0",
    className: "ChatGoogleGenerativeAI",
    apiKeyEnvs: ["GOOGLE_API_KEY", "GEMINI_API_KEY"],
    defaultBaseUrl: "https://generativelanguage.googleapis.com",
    schemaDialect: "google",
    settingNames: { topP: "topP", stop: "stopSequences", headers: "customHeaders" },
    usesGlobalFetch: true,
    toFields: ({ name, settings, baseUrl, apiKey }) => ({
      ...getCommonFields(name, settings),
      maxOutputTokens: settings.maxOutputTokens,
      apiKey,
      baseUrl,
    }),
  },
  {
    id: "mistralai",
    packageName: "@langchain/mistralai",
    range: "^1.1.0",
    className: "ChatMistralAI",
    apiKeyEnvs: ["MISTRAL_API_KEY"],
    defaultBaseUrl: "https://api.mistral.ai",
    schemaDialect: "mistral",
    settingNames: { topP: "topP", samplingSeed: "seed", frequencyPenalty: "frequencyPenalty", presencePenalty: "presencePenalty" },
    usesGlobalFetch: true,
    toFields: ({ name, settings, baseUrl, apiKey }) => ({
      ...getCommonFields(name, settings),
      maxTokens: settings.maxOutputTokens,
      apiKey,
      serverURL: baseUrl,
    }),
  },
  {
    id: "ollama",
    packageName: "@langchain/ollama",
    range: "^1.2.0",
    className: "ChatOllama",
    apiKeyEnvs: [],
    defaultBaseUrl: "http://127.0.0.1:11434",
    baseUrlEnv: "OLLAMA_BASE_URL",
    schemaDialect: "ollama",
    settingNames: {
      topP: "topP",
      samplingSeed: "seed",
      frequencyPenalty: "frequencyPenalty",
      presencePenalty: "presencePenalty",
      repetitionPenalty: "repeatPenalty",
      headers: "headers",
    },
    usesGlobalFetch: false,
    toFields: ({ name, settings, baseUrl, fetch }) => ({
      ...getCommonFields(name, settings),
      numPredict: settings.maxOutputTokens,
      baseUrl,
      fetch,
    }),
  },
  {
    id: "groq",
    packageName: "@langchain/groq",
    range: "^1.1.0",
    className: "ChatGroq",
    apiKeyEnvs: ["GROQ_API_KEY"],
    defaultBaseUrl: "https://api.groq.com",
    schemaDialect: "openai",
    settingNames: {
      topP: "topP",
      stop: "stop",
      frequencyPenalty: "frequencyPenalty",
      presencePenalty: "presencePenalty",
      headers: "defaultHeaders",
    },
    usesGlobalFetch: false,
    toFields: ({ name, settings, baseUrl, apiKey, fetch }) => ({
      ...getCommonFields(name, settings),
      maxTokens: settings.maxOutputTokens,
      apiKey,
      baseUrl,
      fetch,
    }),
  },
];

function getCommonFields(model: string, { temperature }: ModelSettings): Record<string, unknown> {
  return { model, temperature: temperature ?? undefined };
}
