import type { ModelCallCode } from "../../errors.js";

/**
 * One attempt at a model call that brought no reply. Internal to this room: the retry layer waits and tries again, or turns
 * the last one into a `ModelCallError`. Its message names no key.
 */
export class AttemptError extends Error {
  override readonly name = "AttemptError";

  constructor(
    readonly code: ModelCallCode,
    message: string,
    readonly detail: {
      /** Whether the same request may succeed later. */
      readonly retryable: boolean;
      readonly status?: number;
      /** How long the endpoint asked us to wait, in milliseconds. */
      readonly retryAfterMs?: number;
      /** Whether the request surely never left: no name, no connection. It then cost nothing. */
      readonly requestNotSent?: boolean;
    },
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
