import { z } from "zod";

import type { Env } from "../env.js";
import { InputError } from "../errors.js";
import type { CallModel } from "../model-calls/model-call.js";
import { createFaultFinder } from "../model-calls/middleware/fault-finder.js";
import { createRateLimiter } from "../model-calls/rate-limit/rate-limiter.js";
import { createModelCaller } from "../models/create-model-caller.js";
import { withProviderDefaults } from "../models/provider-defaults.js";
import { describeEndpoint } from "../models/registry.js";
import { restrictToServerSettings } from "./command-line-settings.js";
import { endpointsEnvVar, parseEndpoints, restrictToEndpoints } from "./endpoint-allow-list.js";

const positiveInteger = z.coerce.number().int().min(1).optional();
/** Limits that an operator may set for every endpoint and model, per process of the server. */
const Limits = z.object({
  REVIEW_INSTRUCT_MAX_CONCURRENCY: positiveInteger,
  REVIEW_INSTRUCT_RPM: positiveInteger,
  REVIEW_INSTRUCT_TPM: positiveInteger,
  /** Seconds until one attempt times out. */
  REVIEW_INSTRUCT_TIMEOUT: z.coerce.number().positive().optional(),
});

/**
 * Creates the model calls of a server whose requests contain their own settings.
 *
 * Only endpoints on the operator's list are called, and all runs of the process share one rate limiter.
 *
 * @throws {InputError} For an invalid variable.
 */
export function createServerModelCaller(env: Env): CallModel {
  const {
    REVIEW_INSTRUCT_MAX_CONCURRENCY: maxConcurrency,
    REVIEW_INSTRUCT_RPM: rpm,
    REVIEW_INSTRUCT_TPM: tpm,
    REVIEW_INSTRUCT_TIMEOUT: timeoutSeconds,
  } = parseLimits(env);
  const timeout = timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 };
  const rateLimiter = createRateLimiter({ describeEndpoint, maxConcurrency, rpm, tpm });
  const restrict = restrictToEndpoints(parseEndpoints(env[endpointsEnvVar]));
  const refuse = restrictToServerSettings();
  // Settings are completed before they are checked: what they then name is what is called, with the key that is then sent.
  const withDefaults = withProviderDefaults(env);
  return withDefaults(
    refuse(restrict(createModelCaller({ env, middleware: [rateLimiter.middleware, createFaultFinder(describeEndpoint)], ...timeout }))),
  );
}

function parseLimits(env: Env): z.infer<typeof Limits> {
  const nonEmpty = Object.entries(env).filter(([, value]) => value?.trim());
  const { data, error } = Limits.safeParse(Object.fromEntries(nonEmpty));
  if (data) return data;
  const field = error.issues[0]?.path.join(".");
  throw new InputError(`${field} must be a number, 1 or more`, { field }, { cause: error });
}
