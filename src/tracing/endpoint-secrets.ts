import type { Settings } from "../state/settings.js";
import type { Secrets } from "./secrets.js";

/** What settings or an operator's list say of an endpoint, as far as it is a secret or leads to one. */
export interface NamedEndpoint {
  /** The variable that holds its key. */
  readonly apiKeyEnv?: string;
  /** A URL; its query may be a key. Null: OpenAI's own. */
  readonly baseUrl?: string | null;
}

/** What must not be shown of these endpoints: their keys, and the queries of their URLs, as a whole and in their parts. */
export function secretsOf(endpoints: readonly NamedEndpoint[]): Secrets {
  return {
    variables: endpoints.flatMap(({ apiKeyEnv }) => apiKeyEnv ?? []),
    values: endpoints.flatMap(({ baseUrl }) => (baseUrl ? queryParts(new URL(baseUrl)) : [])),
  };
}

/** As written, as sent and as meant: `a%20b`, `a+b` and `a b`. */
function queryParts({ search, searchParams }: URL): string[] {
  const texts = [search.slice(1), searchParams.toString()];
  const parts = texts.flatMap((text) => [text, ...text.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1))]);
  return [...parts, ...searchParams.values()];
}

/** Every endpoint that settings name: the run's own, and those of its roles. */
export function endpointsIn(settings: Settings): NamedEndpoint[] {
  return [settings, settings.candidate, settings.chairman, ...settings.panel];
}
