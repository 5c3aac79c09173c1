import { z } from "zod";

const milliseconds = z.number().min(1);
const most = z.int().min(1);

/** How the call gate treats every lane, that is, every pair of endpoint and model. All of it has a default. */
export const RateLimitSettings = z.object({
  /** Calls in flight that a lane starts with; never more than `maxConcurrency`. */
  initialConcurrency: most.default(8),
  /** Most calls in flight. The probe of a dead endpoint may be one more, beside calls that hang. */
  maxConcurrency: most.default(64),
  /** Most requests in any 60 seconds. None by default. */
  rpm: most.optional(),
  /** Most tokens, prompts and replies together, in any 60 seconds. None by default. */
  tpm: most.optional(),
  /** First pause after a 429 that names no time; four times as long with every further one, up to a minute. */
  pauseMs: milliseconds.default(250),
  /** Longest pause that an endpoint may ask for. While more than this is left, calls fail with `EndpointUnavailableError`. */
  maxPauseMs: milliseconds.default(600_000),
  /** Failures in a row, over all calls of the lane, that open its circuit. */
  failureThreshold: most.default(10),
  /** The same for one call alone that cannot reach the endpoint. Keep it below the attempts that the retry layer gives a call. */
  perCallFailureThreshold: most.default(3),
  /** Wait before the first probe; doubles with every probe that fails. */
  halfOpenAfterMs: milliseconds.default(5_000),
  maxHalfOpenAfterMs: milliseconds.default(60_000),
  /** How long a circuit stays open before its calls fail with `EndpointUnavailableError`. */
  giveUpAfterMs: milliseconds.default(600_000),
});
export type RateLimitSettings = z.infer<typeof RateLimitSettings>;
