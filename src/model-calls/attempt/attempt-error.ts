import type { ModelCallCode } from "../../errors.js";

/** Facts about a failed attempt that decide what happens next. */
export interface AttemptErrorDetails {
  /** True if the same request may succeed later. */
  readonly retryable: boolean;
  /** HTTP status, if the endpoint sent one. */
  readonly status?: number;
  /** Milliseconds that the endpoint asked to wait. */
  readonly retryAfterMs?: number;
  /** True if the request never left this machine, e.g. the connection was refused. It then cost nothing. */
  readonly requestNotSent?: boolean;
  /** True if the endpoint reported the error in place of a response, so that the request cost nothing. */
  readonly notCharged?: boolean;
  /** True if what came is no chat completion at all: a web page, an error text with status 200. The base URL may be wrong. */
  readonly notACompletion?: boolean;
  /** Code of a failed connection, e.g. `ECONNREFUSED`. */
  readonly systemCode?: string;
  /** True if the endpoint may mean a quota of a day: it is one if a request after the wait is rejected as well. */
  readonly mayBeDayQuota?: boolean;
  /** Sentences that say what to do, in place of the usual ones for the code. */
  readonly advice?: string;
}

/**
 * Thrown by one attempt at a model call that brought no response.
 *
 * Only middleware sees it: the retry middleware repeats the attempt or turns the last error into a `ModelCallError`. The
 * message never contains a key.
 */
export class AttemptError extends Error {
  override readonly name = "AttemptError";

  constructor(
    readonly code: ModelCallCode,
    message: string,
    readonly details: AttemptErrorDetails,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
