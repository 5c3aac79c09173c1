/** Status of one endpoint and model. */
export interface EndpointStatus {
  readonly endpoint: string;
  readonly model: string;
  /** Number of calls in flight. */
  readonly active: number;
  /** Number of calls that wait to be sent. */
  readonly queued: number;
  /** Current maximum number of calls in flight. */
  readonly limit: number;
  /**
   * `rate-limited`: the endpoint asked to wait, or `rpm` or `tpm` is reached. `open`, `half-open`: the endpoint is down.
   * `unavailable`: it was down for too long.
   */
  readonly state: "closed" | "rate-limited" | "open" | "half-open" | "unavailable";
}
