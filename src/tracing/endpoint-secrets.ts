import type { Settings } from "../state/settings.js";
import { type Secrets, getQuerySecrets } from "../redaction.js";

/** What settings or an operator's list say of an endpoint, as far as it is a secret or leads to one. */
export interface NamedEndpoint {
  /** The variable that holds its key. */
  readonly apiKeyEnv?: string;
  /** A URL; its query may be a key. Null: OpenAI's own. */
  readonly baseUrl?: string | null;
}

/** What must not be shown of these endpoints: their keys, and the queries of their URLs. */
export function getEndpointSecrets(endpoints: readonly NamedEndpoint[]): Secrets {
  return {
    variables: endpoints.flatMap(({ apiKeyEnv }) => apiKeyEnv ?? []),
    values: endpoints.flatMap(({ baseUrl = null }) => getQuerySecrets(baseUrl)),
  };
}

/** Every endpoint that settings name: the run's own, and those of its roles. */
export function getEndpoints(settings: Settings): NamedEndpoint[] {
  return [settings, settings.candidate, settings.chairman, ...settings.panel];
}
