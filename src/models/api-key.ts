import type { Env } from "../env.js";
import type { ModelSettings } from "../state/settings.js";
import { ProviderConfigurationError } from "./provider.js";

/** Sent if no key is set, as clients and local servers require some key. */
const placeholderApiKey = "none";

/** Returns the API key from the variable that settings name, or undefined if it is not set or empty. */
export function getApiKey({ apiKeyEnv }: Pick<ModelSettings, "apiKeyEnv">, env: Env): string | undefined {
  const value = Object.hasOwn(env, apiKeyEnv) ? env[apiKeyEnv]?.trim() : undefined;
  return value === "" ? undefined : value;
}

/**
 * Returns the API key to send: the one that settings name, else a placeholder.
 *
 * @throws {ProviderConfigurationError} If a required key is missing, or no header can carry it.
 */
export function resolveApiKey(settings: Pick<ModelSettings, "apiKeyEnv">, env: Env, { isRequired }: { readonly isRequired: boolean }): string {
  const key = getApiKey(settings, env);
  if (key === undefined && isRequired) {
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
