import type { Settings } from "../state/settings.js";
import type { Secrets } from "./secrets.js";

/** What settings or an operator's list say of an endpoint, as far as it is a secret or leads to one. */
export interface NamedEndpoint {
  /** The variable that holds its key. */
  readonly apiKeyEnv?: string;
}

/** What must not be shown of these endpoints: their keys. */
export function secretsOf(endpoints: readonly NamedEndpoint[]): Secrets {
  return { variables: endpoints.flatMap(({ apiKeyEnv }) => apiKeyEnv ?? []) };
}

/** Every endpoint that settings name: the run's own, and those of its roles. */
export function endpointsIn(settings: Settings): NamedEndpoint[] {
  return [settings, settings.candidate, settings.chairman, ...settings.panel];
}
