import { ReviewInstructError } from "../../errors.js";

/**
 * Thrown when an endpoint does not respond for longer than calls may wait. Code `endpoint_unavailable`.
 *
 * It is not a `ModelCallError`: no single call failed, so no reviewer abstains, and the run stops where it can be resumed.
 */
export class EndpointUnavailableError extends ReviewInstructError {
  override readonly name = "EndpointUnavailableError";

  /** @param reason Continues the sentence after the endpoint's name, e.g. `has not responded since ...`. */
  constructor(endpoint: string, model: string, reason: string, options?: ErrorOptions) {
    super("endpoint_unavailable", `${endpoint} ${reason} (model ${model}). Resume the run once it is available again.`, { endpoint, model }, options);
  }
}
