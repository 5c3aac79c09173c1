import type { AttemptError } from "../attempt/attempt-error.js";
import { EndpointUnavailableError } from "./endpoint-unavailable-error.js";
import type { Outage } from "./circuit-breaker.js";

const logAdvice = "Look into the server's log, then resume the run.";

/** Creates the error of calls that wait no longer for the end of an outage. */
export function createOutageError(endpoint: string, model: string, { since, lastError }: Outage): EndpointUnavailableError {
  const { status, systemCode } = lastError.details;
  const isAnswering = status === 500;
  const what = isAnswering ? "has answered every request with an error" : "has not responded";
  const advice =
    systemCode === "ECONNREFUSED"
      ? "Check that the server is running and that host and port of the base URL are right, then resume the run."
      : isAnswering
        ? logAdvice
        : undefined;
  const reason = `${what} since ${since.toISOString()}, the last error was "${lastError.message}"`;
  return new EndpointUnavailableError(endpoint, model, reason, { cause: lastError }, advice);
}

/** Creates the error for an endpoint that answers small requests, but none that the job makes. */
export function createManyFailuresError(
  { endpoint, model }: { readonly endpoint: string; readonly model: string },
  count: number,
  error: AttemptError,
): EndpointUnavailableError {
  const reason = `failed ${count} conversations in a row, the last one with "${error.message}", and answers only a minimal request`;
  return new EndpointUnavailableError(endpoint, model, reason, { cause: error }, logAdvice);
}
