import { z } from "zod";

import type { Env } from "../env.js";
import { InputError } from "../errors.js";
import type { CallModel } from "../model-calls/model-call.js";
import { createModelCaller } from "../models/create-model-caller.js";
import { describeEndpoint } from "../models/registry.js";
import { allowEndpoints, endpointsEnvVar, parseEndpoints } from "./endpoint-allow-list.js";
import { createRateLimiter } from "../model-calls/rate-limit/rate-limiter.js";

const limit = z.coerce.number().int().min(1).optional();
/** Limits that an operator may set for every endpoint and model, per process of the server. */
const Limits = z.object({
  REVIEW_INSTRUCT_MAX_CONCURRENCY: limit,
  REVIEW_INSTRUCT_RPM: limit,
  REVIEW_INSTRUCT_TPM: limit,
  /** Seconds until one attempt times out. */
  REVIEW_INSTRUCT_TIMEOUT: z.coerce.number().positive().optional(),
});

/**
 * Creates the model calls of a server whose requests bring their own settings.
 *
 * Only endpoints on the operator's list are called, and all runs of the process share one rate limiter.
 *
 * @throws {InputError} For an invalid variable.
 */
export function createServerModelCaller(env: Env): CallModel {
  const given = Object.entries(env).filter(([, value]) => value?.trim());
  const limits = Limits.safeParse(Object.fromEntries(given));
  if (!limits.success) {
    const field = limits.error.issues[0]?.path.join(".");
    throw new InputError(`${field} must be a number, 1 or more`, { field }, { cause: limits.error });
  }
  const {
    REVIEW_INSTRUCT_MAX_CONCURRENCY: maxConcurrency,
    REVIEW_INSTRUCT_RPM: rpm,
    REVIEW_INSTRUCT_TPM: tpm,
    REVIEW_INSTRUCT_TIMEOUT: seconds,
  } = limits.data;
  const rateLimiter = createRateLimiter({ describeEndpoint, maxConcurrency, rpm, tpm });
  const allowed = allowEndpoints(parseEndpoints(env[endpointsEnvVar]));
  return allowed(createModelCaller({ env, middleware: [rateLimiter.middleware], ...(seconds === undefined ? {} : { timeoutMs: seconds * 1000 }) }));
}
