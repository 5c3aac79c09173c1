import { ReviewInstructError } from "../../errors.js";

/**
 * An endpoint does not serve us for longer than anyone wants to wait. Code `endpoint_unavailable`. It is no `ModelCallError`: no
 * single call failed, so no reviewer abstains over it, and the run stops where it can be resumed.
 */
export class EndpointUnavailableError extends ReviewInstructError {
  override readonly name = "EndpointUnavailableError";

  /** `what` goes on after the endpoint's name, e.g. `has not answered since ...`. */
  constructor(endpoint: string, model: string, what: string, options?: ErrorOptions) {
    super("endpoint_unavailable", `${endpoint} ${what} (model ${model}). Resume the run once it serves again.`, { endpoint, model }, options);
  }
}
