import type { Env } from "../env.js";
import type { ModelMiddleware } from "../model-calls/model-call.js";
import type { ModelSettings } from "../state/settings.js";
import { findProvider } from "./registry.js";

/** Default of the setting `apiKeyEnv`. For other providers than OpenAI it stands for their own variable. */
const defaultApiKeyEnv = "OPENAI_API_KEY";

/** A base URL that the environment sets. */
export interface EnvBaseUrl {
  readonly variable: string;
  readonly baseUrl: string;
}

/**
 * Creates middleware that completes settings with what the environment says about their provider.
 *
 * It must be outside of everything that reads endpoint or key variable.
 */
export function withProviderDefaults(env: Env): ModelMiddleware {
  return (next) => (request, config) => next({ ...request, settings: applyProviderDefaults(request.settings, env) }, config);
}

/** Completes settings with the provider's own key variable, and with the base URL of its variable, e.g. `OPENAI_BASE_URL`. */
export function applyProviderDefaults<T extends ModelSettings>(settings: T, env: Env): T {
  const baseUrl = settings.baseUrl ?? findEnvBaseUrl(settings.model, env)?.baseUrl ?? null;
  const apiKeyEnv = settings.apiKeyEnv === defaultApiKeyEnv ? getDefaultApiKeyEnv(settings.model, env) : settings.apiKeyEnv;
  return baseUrl === settings.baseUrl && apiKeyEnv === settings.apiKeyEnv ? settings : { ...settings, baseUrl, apiKeyEnv };
}

/** Finds the base URL that the environment sets for a model. A text that is no HTTP URL counts as none. */
export function findEnvBaseUrl(model: string, env: Env): EnvBaseUrl | null {
  const found = readBaseUrlEnv(model, env);
  return found && isHttpUrl(found.baseUrl) ? found : null;
}

/** Finds the variable whose base URL {@link findEnvBaseUrl} ignores. */
export function findIgnoredBaseUrlEnv(model: string, env: Env): string | null {
  const found = readBaseUrlEnv(model, env);
  return found && !isHttpUrl(found.baseUrl) ? found.variable : null;
}

function readBaseUrlEnv(model: string, env: Env): EnvBaseUrl | null {
  const variable = findProvider(model)?.baseUrlEnv;
  const baseUrl = variable !== undefined && Object.hasOwn(env, variable) ? env[variable]?.trim() : undefined;
  return variable !== undefined && baseUrl ? { variable, baseUrl } : null;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function getDefaultApiKeyEnv(model: string, env: Env): string {
  const [first, ...others] = findProvider(model)?.apiKeyEnvs ?? [];
  if (first === undefined) return defaultApiKeyEnv;
  return [first, ...others].find((name) => Object.hasOwn(env, name) && env[name]?.trim()) ?? first;
}
