import { InputError, ModelCallError } from "../errors.js";
import type { ModelSettings } from "../state/settings.js";
import { type ModelMiddleware, formatCaller } from "../model-calls/model-call.js";
import { describeEndpoint, isInProcess } from "../models/registry.js";

/** The variable that {@link parseEndpoints} reads on a server. */
export const endpointsEnvVar = "REVIEW_INSTRUCT_ENDPOINTS";

/** Pairs of key variable and base URL that requests may use, or `any`. */
export type AllowedEndpoints = "any" | readonly { readonly apiKeyEnv: string; readonly baseUrl: string }[];

/** Where nothing is said: OpenAI's key, and to OpenAI alone. */
const defaultEndpoints = "OPENAI_API_KEY=https://api.openai.com/v1";

/**
 * Reads an operator's list: `KEY_VARIABLE=base URL`, separated by commas. `*` allows everything; an empty text allows the
 * offline model alone. Default (undefined): `OPENAI_API_KEY` to OpenAI. Throws `InputError` naming the entry.
 */
export function parseEndpoints(text: string = defaultEndpoints): AllowedEndpoints {
  if (text.trim() === "*") return "any";
  const entries = text.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "").map(parseEntry);
}

function parseEntry(entry: string): { apiKeyEnv: string; baseUrl: string } {
  const [, apiKeyEnv = "", url = ""] = /^([A-Z_][A-Z0-9_]*)=(.+)$/.exec(entry) ?? [];
  const { protocol, username, password } = (URL.canParse(url) ? new URL(url) : null) ?? {};
  if (apiKeyEnv !== "" && /^https?:$/.test(protocol ?? "") && !username && !password) return { apiKeyEnv, baseUrl: normalizeUrl(url) };
  // Not the entry itself: what stands there by mistake may be a key.
  throw new InputError(
    `${endpointsEnvVar}: every entry must be KEY_VARIABLE=http(s)://..., without credentials in the URL, as in ${defaultEndpoints}; "${apiKeyEnv || "(no name)"}" is not`,
    { field: endpointsEnvVar },
  );
}

/** The URL as it is compared: the query too may say where a call ends up. */
function normalizeUrl(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/, "")}${search}`;
}

/**
 * Lets a call out only to an endpoint that the operator allows, and with the key that belongs there: whoever may send
 * settings to a server could otherwise have its keys sent anywhere. Put it outermost. Throws `ModelCallError`
 * `model_invalid_configuration` before anything is sent.
 */
export function allowEndpoints(allowed: AllowedEndpoints): ModelMiddleware {
  return (access) => async (request, config) => {
    if (!isAllowed(request.settings, allowed)) {
      const { model, apiKeyEnv } = request.settings;
      const endpoint = describeEndpoint(request.settings) ?? request.settings.model;
      throw new ModelCallError(
        "model_invalid_configuration",
        `The ${formatCaller(request.caller)} may not call ${endpoint} with the key in ${apiKeyEnv} on this server (settings baseUrl and apiKeyEnv). ` +
          `Its operator allows it by adding ${apiKeyEnv}=${endpoint} to ${endpointsEnvVar}.`,
        { caller: request.caller, endpoint, model, attempts: 0 },
      );
    }
    return access(request, config);
  };
}

function isAllowed(settings: ModelSettings, allowed: AllowedEndpoints): boolean {
  if (allowed === "any" || isInProcess(settings)) return true;
  const url = normalizeUrl(settings.baseUrl ?? describeEndpoint(settings) ?? "");
  return allowed.some(({ apiKeyEnv, baseUrl }) => apiKeyEnv === settings.apiKeyEnv && baseUrl === url);
}
