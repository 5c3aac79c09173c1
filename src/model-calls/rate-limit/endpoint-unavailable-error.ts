import { ReviewInstructError } from "../../errors.js";

/**
 * Thrown when an endpoint does not respond for longer than calls may wait. Code `endpoint_unavailable`.
 *
 * It is not a `ModelCallError`: no single call failed, so no reviewer abstains, and the run stops where it can be resumed.
 */
export class EndpointUnavailableError extends ReviewInstructError {
  override readonly name = "EndpointUnavailableError";

  /**
   * @param reason Continues the sentence after the endpoint's name, e.g. `has not responded since ...`.
   * @param advice Sentence that says what to do.
   */
  constructor(endpoint: string, model: string, reason: string, options?: ErrorOptions, advice = "Resume the run once it is available again.") {
    super("endpoint_unavailable", `${endpoint} ${reason} (model ${model}). ${advice}`, { endpoint, model }, options);
  }
}
