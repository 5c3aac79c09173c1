import { z } from "zod";

const milliseconds = z.number().min(1);
const count = z.int().min(1);

/** Settings of the rate limiter. They apply to every pair of endpoint and model separately, and all have defaults. */
export const RateLimitSettings = z.object({
  /**
   * Initial number of calls in flight, at most `maxConcurrency`. Default: 8, or 4 on this machine and in private networks, where
   * servers have few slots.
   */
  initialConcurrency: count.optional(),
  /** Maximum number of calls in flight. The probe of an unavailable endpoint may be one more, beside calls that hang. */
  maxConcurrency: count.default(64),
  /** Maximum number of requests in any 60 seconds. Default: no limit. */
  rpm: count.optional(),
  /** Maximum number of tokens, input and output together, in any 60 seconds. Default: no limit. */
  tpm: count.optional(),
  /** First pause after a 429 without `Retry-After`. Each further one is four times as long, up to a minute. */
  pauseMs: milliseconds.default(250),
  /** Longest pause that an endpoint may ask for. While more than this remains, calls fail with `EndpointUnavailableError`. */
  maxPauseMs: milliseconds.default(600_000),
  /** Number of consecutive failures, over all calls, that open the circuit. */
  failureThreshold: count.default(10),
  /**
   * Number of failures in one call alone, without any response between them, that open the circuit. Keep it below the number of
   * attempts that the retry middleware makes.
   */
  perCallFailureThreshold: count.default(3),
  /** Wait before the first probe. Doubles with every probe that fails. */
  halfOpenAfterMs: milliseconds.default(5_000),
  maxHalfOpenAfterMs: milliseconds.default(60_000),
  /** How long a circuit may stay open before calls fail with `EndpointUnavailableError`. */
  giveUpAfterMs: milliseconds.default(600_000),
  /** The same, at most, for an endpoint that refused every connection so far: its address may be wrong. */
  unansweredGiveUpAfterMs: milliseconds.default(10_000),
});
export type RateLimitSettings = z.infer<typeof RateLimitSettings>;
