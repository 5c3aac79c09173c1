import { ReviewInstructError, mistakes } from "../errors.js";

/** Faults of the job and not of one conversation: going on would only fail the rest, too. */
const fatalCodes = new Set([
  ...mistakes,
  "budget_exhausted",
  "endpoint_down",
  "output_lost",
  "output_unwritable",
  "ledger_unwritable",
  "checkpoints_unavailable",
  "server_unavailable",
  "server_unauthorized",
]);

/** Whether an error stops the whole job, resumably. */
export function isFatal(error: unknown): boolean {
  return error instanceof ReviewInstructError && fatalCodes.has(error.code);
}

/**
 * The error to act on: of several reviewers that failed in one superstep, LangGraph throws an `AggregateError`. One that
 * stops the job goes first.
 */
export function leadingError(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  const errors: unknown[] = error.errors.map(leadingError);
  return errors.find(isFatal) ?? errors[0] ?? error;
}
