import { setMaxListeners } from "node:events";

import { type DescribeEndpoint, type ModelMiddleware, describeBaseUrl } from "../model-call.js";
import type { CircuitState } from "./circuit-breaker.js";
import { EndpointQueue } from "./endpoint-queue.js";
import type { EndpointStatus } from "./endpoint-status.js";
import { RateLimitSettings } from "./rate-limit-settings.js";

export type { EndpointStatus };

/** Event when an endpoint's circuit opens, is probed, or closes. */
export interface CircuitChange {
  readonly endpoint: string;
  readonly model: string;
  readonly state: CircuitState;
  /** When the outage began, also in the event of its end. */
  readonly since: Date;
  /** Message of the last failure. */
  readonly lastError: string;
}

/** Options of {@link createRateLimiter}. */
export interface RateLimiterOptions extends Partial<RateLimitSettings> {
  /** Returns the endpoint of a call. A call without an endpoint is not limited. */
  readonly describeEndpoint?: DescribeEndpoint;
  readonly onStateChange?: (change: CircuitChange) => void;
}

export interface RateLimiter {
  /** Delays each attempt until its endpoint may be called. All calls through one limiter share its queues. */
  readonly middleware: ModelMiddleware;
  /** Returns the status of every endpoint and model, in the order of their first calls. */
  readonly getStatus: () => EndpointStatus[];
  /** Rejects waiting and later calls with the code `rate_limiter_closed`. Calls in flight continue. */
  readonly close: () => void;
}

/** A public server may see any number of endpoints. Above this number idle queues are removed. */
const maxQueues = 1_000;

/**
 * Creates a rate limiter, with one queue per endpoint and model. It limits:
 *
 * - the number of calls in flight, to what the endpoint can handle (`AdaptiveConcurrency`);
 * - calls while a 429 or 503 asks to wait (`BackoffPause`), and above `rpm` and `tpm` (`SlidingWindow`);
 * - calls to an unavailable endpoint, to one probe at a time (`CircuitBreaker`).
 *
 * It wraps each attempt, inside the retry middleware. During an outage, affected calls wait here and are sent again when the
 * circuit closes, without using up retries; only failures before the outage was recognised count there. Calls wait until the
 * signal in `config` aborts; after an outage of `giveUpAfterMs` they fail with `EndpointUnavailableError`.
 *
 * @throws {ZodError} For an invalid option.
 */
export function createRateLimiter({ describeEndpoint = describeBaseUrl, onStateChange, ...options }: RateLimiterOptions = {}): RateLimiter {
  const settings = RateLimitSettings.parse(options);
  const queues = new Map<string, EndpointQueue>();
  let closed = false;

  function getQueue(endpoint: string, model: string): EndpointQueue {
    const key = `${endpoint}\n${model}`;
    const existing = queues.get(key);
    if (existing) return existing;
    const queue = new EndpointQueue(endpoint, model, settings, (state, { since, lastError }) =>
      onStateChange?.({ endpoint, model, state, since, lastError: lastError.message }),
    );
    if (closed) queue.close();
    if (queues.size >= maxQueues) evictIdle();
    queues.set(key, queue);
    return queue;
  }

  function evictIdle(): void {
    for (const [key, queue] of queues) {
      const { active, queued } = queue.getStatus();
      if (active + queued === 0) queues.delete(key);
    }
  }

  return {
    middleware: (next) => async (request, config) => {
      const endpoint = describeEndpoint(request.settings);
      if (endpoint === null) return next(request, config);
      // Thousands of calls may wait with one signal. That is not a leak.
      if (config.signal) setMaxListeners(0, config.signal);
      return getQueue(endpoint, request.settings.model).run(next, request, config);
    },
    getStatus: () => [...queues.values()].map((queue) => queue.getStatus()),
    close: () => {
      closed = true;
      for (const queue of queues.values()) queue.close();
    },
  };
}
