import { EndpointUnavailableError } from "./endpoint-unavailable-error.js";
import type { Outage } from "./circuit-breaker.js";

/** Creates the error of calls that wait no longer for the end of an outage. */
export function createOutageError(endpoint: string, model: string, { since, lastError }: Outage): EndpointUnavailableError {
  const { status, systemCode } = lastError.details;
  const isAnswering = status !== undefined && status === 500;
  const what = isAnswering ? "has answered every request with an error" : "has not responded";
  const advice =
    systemCode === "ECONNREFUSED"
      ? "Check that the server is running and that host and port of the base URL are right, then resume the run."
      : isAnswering
        ? "Look into the server's log, then resume the run."
        : undefined;
  const reason = `${what} since ${since.toISOString()}, the last error was "${lastError.message}"`;
  return new EndpointUnavailableError(endpoint, model, reason, { cause: lastError }, advice);
}
