import type { ModelSettings } from "../state/settings.js";

const openaiBaseUrl = "https://api.openai.com/v1";

/** Where a model's calls go, as it may be shown to anyone: `offline`, or a base URL without credentials or query. */
export function endpointOf(settings: Pick<ModelSettings, "model" | "baseUrl">): string {
  if (settings.model === "offline") return "offline";
  const url = new URL(settings.baseUrl ?? openaiBaseUrl);
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
