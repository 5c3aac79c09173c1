import { type Secrets, getQuerySecrets } from "../redaction.js";
import type { Settings } from "../state/settings.js";

/** The part of an endpoint's settings that holds a secret or names one. */
export interface EndpointConfig {
  /** Name of the variable that holds the API key. */
  readonly apiKeyEnv?: string;
  /** Names of the variables that hold the values of headers, by header. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Its query, or that of each replica, may hold a key. Null: the provider's own URL. */
  readonly baseUrl?: string | readonly string[] | null;
}

/** Returns the secrets of endpoints: their API keys, the values of their headers, and the queries of their URLs. */
export function getEndpointSecrets(endpoints: readonly EndpointConfig[]): Secrets {
  return {
    variables: endpoints.flatMap(({ apiKeyEnv, headers = {} }) => [apiKeyEnv ?? [], Object.values(headers)].flat()),
    values: endpoints.flatMap(({ baseUrl = null }) => [baseUrl].flat().flatMap(getQuerySecrets)),
  };
}

/** Returns every endpoint that settings name: the common one, and those of the roles. */
export function getConfiguredEndpoints(settings: Settings): EndpointConfig[] {
  return [settings, settings.candidate, settings.chairman, ...settings.panel];
}
