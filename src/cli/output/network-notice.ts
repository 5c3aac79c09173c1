import type { Env } from "../../env.js";
import { InputError } from "../../errors.js";
import type { Logger } from "../../logger.js";
import { describeProxies, usesProxy } from "../../models/dispatcher.js";
import { findEnvBaseUrl, findIgnoredBaseUrlEnv } from "../../models/provider-defaults.js";
import { ProviderConfigurationError } from "../../models/provider.js";
import { describeEndpoint, isInProcess } from "../../models/registry.js";
import { splitReplicas } from "../../state/model-settings.js";
import type { ModelSettings } from "../../state/settings.js";

/**
 * Logs once how the environment changes where and how models are called: base URLs and proxies.
 *
 * @throws {InputError} For a proxy variable that cannot be used.
 */
export function logNetworkNotices(models: readonly Pick<ModelSettings, "model" | "baseUrl" | "replicas">[], env: Env, logger: Logger): void {
  const remote = models.filter((settings) => !isInProcess(settings)).flatMap(splitReplicas);
  const endpoints = remote.map(({ model, baseUrl }) => {
    const fromEnv = baseUrl === null ? findEnvBaseUrl(model, env) : null;
    return { model, variable: fromEnv?.variable, url: describeEndpoint({ model, baseUrl: baseUrl ?? fromEnv?.baseUrl ?? null }) ?? "" };
  });
  const notices = endpoints.flatMap(({ variable, url }) =>
    variable === undefined ? [] : [`${variable} is set: models without a base URL are called at ${url}.`],
  );
  for (const notice of new Set(notices)) logger.info(notice);
  for (const variable of new Set(remote.flatMap(({ model, baseUrl }) => (baseUrl === null ? (findIgnoredBaseUrlEnv(model, env) ?? []) : [])))) {
    logger.warn(`${variable} is not an http(s) URL and is ignored`);
  }
  const proxies = readProxies(env);
  if (proxies !== null && endpoints.some(({ url }) => usesProxy(url, env))) logger.info(proxies);
}

function readProxies(env: Env): string | null {
  try {
    return describeProxies(env);
  } catch (error) {
    if (!(error instanceof ProviderConfigurationError)) throw error;
    throw new InputError(error.message, {}, { cause: error });
  }
}
