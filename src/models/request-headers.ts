import type { Env } from "../env.js";
import type { ModelSettings } from "../state/settings.js";
import { ProviderConfigurationError } from "./provider.js";

/** Headers that carry a key, so that no other one is sent: `authorization`, `api-key`, `x-api-key`, ... */
const keyHeader = /^(?:authorization|(?:.*-)?api-key|ocp-apim-subscription-key)$/i;

/** Returns true if the headers of the settings carry the key. */
export function hasKeyHeader({ headers = {} }: Pick<ModelSettings, "headers">): boolean {
  return Object.keys(headers).some((name) => keyHeader.test(name));
}

/**
 * Reads the headers of settings from the environment variables that they name.
 *
 * @returns Values by name in small letters.
 * @throws {ProviderConfigurationError} If a variable is not set, or a header cannot carry its value.
 */
export function resolveHeaders({ headers = {} }: Pick<ModelSettings, "headers">, env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, variable]) => {
      const value = readVariable(variable, env);
      if (value === undefined)
        throw new ProviderConfigurationError(
          `the environment variable ${variable} is not set, which holds the header ${name} (setting headers). Set it, or remove the header`,
        );
      if (!/^[\x20-\x7e]+$/.test(value))
        throw new ProviderConfigurationError(
          `the environment variable ${variable} contains characters that are not allowed in the header ${name} (setting headers). Set it again`,
        );
      return [name.toLowerCase(), value];
    }),
  );
}

/** Lists the values of the headers that settings name, to hide them in texts. */
export function getHeaderSecrets({ headers = {} }: Pick<ModelSettings, "headers">, env: Env): string[] {
  return Object.values(headers).flatMap((variable) => readVariable(variable, env) ?? []);
}

function readVariable(name: string, env: Env): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined;
  return value === "" ? undefined : value;
}
