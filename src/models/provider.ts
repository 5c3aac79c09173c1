import type { BaseChatModel } from "@langchain/core/language_models/chat_models";

import type { Env } from "../env.js";
import type { ModelSettings } from "../state/settings.js";

/** What a provider needs to create a chat model. */
export interface CreateModelOptions {
  /** The model's name at the provider, i.e. the settings' model without `<provider>:`. */
  readonly name: string;
  readonly settings: ModelSettings;
  /** Environment in which the API key is looked up. */
  readonly env: Env;
  /** Milliseconds until one attempt times out. */
  readonly timeoutMs: number;
}

/** A source of chat models: one folder of `src/models`, and one line in its registry. */
export interface ModelProvider {
  /**
   * Creates a chat model that makes one attempt per call, as the retry middleware does the rest.
   *
   * @throws {ProviderConfigurationError} For a missing key, an invalid URL or an invalid name.
   */
  readonly create: (options: CreateModelOptions) => BaseChatModel | Promise<BaseChatModel>;
  /** Base URL used if the settings name none. Null for models that run inside this process and cost nothing. */
  readonly defaultBaseUrl: string | null;
  /** Variables of which the first that is set holds the key, where the settings name no other. Default: the settings' own. */
  readonly apiKeyEnvs?: readonly string[];
  /** Variable that holds the base URL where the settings name none. Default: none. */
  readonly baseUrlEnv?: string;
  /** False for a provider with a single model, such as `offline`, which is used by its name alone. */
  readonly hasModelNames: boolean;
}

/** Thrown by a provider for settings that cannot work. The message completes "cannot call its model at ...:". */
export class ProviderConfigurationError extends Error {
  override readonly name = "ProviderConfigurationError";
}
