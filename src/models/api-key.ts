import type { Env } from "../env.js";
import type { ModelSettings } from "../state/settings.js";

/** Returns the API key from the variable that settings name, or undefined if it is not set or empty. */
export function getApiKey({ apiKeyEnv }: Pick<ModelSettings, "apiKeyEnv">, env: Env): string | undefined {
  const value = Object.hasOwn(env, apiKeyEnv) ? env[apiKeyEnv]?.trim() : undefined;
  return value === "" ? undefined : value;
}
