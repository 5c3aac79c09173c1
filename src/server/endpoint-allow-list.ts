import { InputError, ModelCallError } from "../errors.js";
import { type ModelMiddleware, formatCaller } from "../model-calls/model-call.js";
import { describeEndpoint, isInProcess, isFileModel } from "../models/registry.js";
import { splitReplicas } from "../state/model-settings.js";
import type { ModelSettings } from "../state/settings.js";

/** Name of the server's variable that {@link parseEndpoints} parses. */
export const endpointsEnvVar = "REVIEW_INSTRUCT_ENDPOINTS";

/** An endpoint with the API key that may be sent to it. */
export interface AllowedEndpoint {
  /** Name of the variable that holds the key. */
  readonly apiKeyEnv: string;
  readonly baseUrl: string;
}

/** The endpoints that requests may use, or `any`. */
export type AllowedEndpoints = "any" | readonly AllowedEndpoint[];

/** Without a list, only OpenAI's endpoint may be called, with OpenAI's key. */
const defaultEndpoints = "OPENAI_API_KEY=https://api.openai.com/v1";

/**
 * Parses an operator's list: `KEY_VARIABLE=base URL`, separated by commas.
 *
 * @param text `*` allows everything. An empty text allows only the offline model. Default: `OPENAI_API_KEY` to OpenAI.
 * @throws {InputError} For an invalid entry.
 */
export function parseEndpoints(text: string = defaultEndpoints): AllowedEndpoints {
  if (text.trim() === "*") return "any";
  const entries = text.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "").map(parseEntry);
}

function parseEntry(entry: string): AllowedEndpoint {
  const [, apiKeyEnv = "", url = ""] = /^([A-Z_][A-Z0-9_]*)=(.+)$/.exec(entry) ?? [];
  const { protocol, username, password } = (URL.canParse(url) ? new URL(url) : null) ?? {};
  if (apiKeyEnv !== "" && /^https?:$/.test(protocol ?? "") && !username && !password) return { apiKeyEnv, baseUrl: normalizeUrl(url) };
  // The message does not repeat the entry, which may contain a key by mistake.
  throw new InputError(
    `${endpointsEnvVar}: every entry must be KEY_VARIABLE=http(s)://..., without credentials in the URL, as in ${defaultEndpoints}; "${apiKeyEnv || "(no name)"}" is not`,
    { field: endpointsEnvVar },
  );
}

/** Normalizes a URL for comparison. Keeps the query, which may decide where a call is routed. */
function normalizeUrl(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/, "")}${search}`;
}

/**
 * Creates middleware that only calls endpoints on the operator's list, with the key that belongs there.
 *
 * Otherwise anyone who can send settings to a server could have its keys sent anywhere. It must be the outermost middleware.
 * The middleware throws `ModelCallError` with code `model_invalid_configuration` before a request is sent.
 */
export function restrictToEndpoints(allowed: AllowedEndpoints): ModelMiddleware {
  return (next) => async (request, config) => {
    if (isFileModel(request.settings)) {
      const { model } = request.settings;
      throw new ModelCallError(
        "model_invalid_configuration",
        `The ${formatCaller(request.caller)} may not use ${model} on this server: models from files are for the command line and the library.`,
        { caller: request.caller, endpoint: model, model, attempts: 0 },
      );
    }
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
    return next(request, config);
  };
}

function isAllowed(settings: ModelSettings, allowed: AllowedEndpoints): boolean {
  if (allowed === "any" || isInProcess(settings)) return true;
  const urls = splitReplicas(settings).map((replica) => normalizeUrl(replica.baseUrl ?? describeEndpoint(replica) ?? ""));
  return urls.every((url) => allowed.some(({ apiKeyEnv, baseUrl }) => apiKeyEnv === settings.apiKeyEnv && baseUrl === url));
}
