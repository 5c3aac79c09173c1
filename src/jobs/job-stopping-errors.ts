import { ReviewInstructError, configurationErrorCodes } from "../errors.js";

/** Codes of errors that every other item would meet as well. */
const jobStoppingCodes = new Set([
  ...configurationErrorCodes,
  "budget_exhausted",
  "endpoint_unavailable",
  "output_lock_lost",
  "output_write_failed",
  "usage_ledger_write_failed",
  "checkpointer_unavailable",
  "server_unavailable",
  "server_unauthorized",
]);

/** Returns true for an error that stops the whole job, resumably, instead of failing one item. */
export function stopsJob(error: unknown): boolean {
  return error instanceof ReviewInstructError && jobStoppingCodes.has(error.code);
}

/**
 * Returns the most important error of an `AggregateError`: one that stops the job, else the first.
 *
 * LangGraph throws an `AggregateError` when several reviewers fail in one superstep.
 */
export function unwrapAggregateError(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  const errors: unknown[] = error.errors.map(unwrapAggregateError);
  return errors.find(stopsJob) ?? errors[0] ?? error;
}
