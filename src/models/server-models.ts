import { z } from "zod";

import type { Environment } from "../environment.js";
import { InputError } from "../errors.js";
import type { ModelAccess } from "../nodes/model-access.js";
import { createModelAccess } from "./access.js";
import { allowEndpoints, endpointsVariable, parseEndpoints } from "./allow-list.js";
import { createGate } from "./gate/gate.js";

const limit = z.coerce.number().int().min(1).optional();
/** What an operator may limit for every endpoint and model, in each process of the server. */
const Limits = z.object({
  REVIEW_INSTRUCT_MAX_CONCURRENCY: limit,
  REVIEW_INSTRUCT_RPM: limit,
  REVIEW_INSTRUCT_TPM: limit,
  /** Seconds until one attempt is given up. */
  REVIEW_INSTRUCT_TIMEOUT: z.coerce.number().positive().optional(),
});

/**
 * Models for a server whose requests bring their own settings: behind the operator's list of endpoints, and with one gate
 * for all runs of the process. Throws `InputError` for a variable that makes no sense.
 */
export function openServerModels(env: Environment): ModelAccess {
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
  const gate = createGate({ maxConcurrency, rpm, tpm });
  const allowed = allowEndpoints(parseEndpoints(env[endpointsVariable]));
  return allowed(createModelAccess({ env, wrap: [gate.wrap], ...(seconds === undefined ? {} : { timeoutMs: seconds * 1000 }) }));
}
