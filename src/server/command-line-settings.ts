import { ModelCallError } from "../errors.js";
import { type ModelMiddleware, formatCaller } from "../model-calls/model-call.js";
import { describeEndpoint } from "../models/registry.js";

/** Settings that may read other variables than the key, or ask an endpoint for anything. */
const refusedSettings = ["extraBody", "headers"] as const;

/**
 * Creates middleware that refuses settings which are for the command line and the library only.
 *
 * Whoever can send a request to a server could otherwise have any of its variables sent to an endpoint. The middleware throws
 * `ModelCallError` with code `model_invalid_configuration` before a request is sent.
 */
export function restrictToServerSettings(): ModelMiddleware {
  return (next) => async (request, config) => {
    const { caller, settings } = request;
    const refused = refusedSettings.filter((name) => Object.keys(settings[name] ?? {}).length > 0);
    if (refused.length > 0) {
      const endpoint = describeEndpoint(settings) ?? settings.model;
      throw new ModelCallError(
        "model_invalid_configuration",
        `The ${formatCaller(caller)} may not set ${refused.join(" and ")} on a server: these settings are for the command line and the library. Remove them.`,
        { caller, endpoint, model: settings.model, attempts: 0 },
      );
    }
    return next(request, config);
  };
}
