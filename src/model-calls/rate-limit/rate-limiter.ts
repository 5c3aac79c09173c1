import { setMaxListeners } from "node:events";

import { type CallModel, type DescribeEndpoint, describeBaseUrl } from "../model-call.js";
import type { CircuitState } from "./circuit-breaker.js";
import { RateLimitSettings } from "./rate-limit-settings.js";
import { EndpointQueue, type EndpointStatus } from "./endpoint-queue.js";

export type { EndpointStatus };

/** An endpoint stopped answering, is being tried, or is back. */
export interface CircuitChange {
  readonly endpoint: string;
  readonly model: string;
  readonly state: CircuitState;
  /** When the outage was noticed, also once it is over. */
  readonly since: Date;
  /** What the endpoint, or the way to it, said last. */
  readonly lastError: string;
}

export interface RateLimiterOptions extends Partial<RateLimitSettings> {
  /** Tells which queue a call belongs to. A call without an endpoint is not limited. */
  readonly describeEndpoint?: DescribeEndpoint;
  readonly onStateChange?: (change: CircuitChange) => void;
}

export interface RateLimiter {
  /** The same access, one attempt a call, that leaves when its lane lets it. Every access wrapped by one gate shares its lanes. */
  readonly middleware: (next: CallModel) => CallModel;
  /** Every lane there is, in the order of their first calls. */
  readonly getStatus: () => EndpointStatus[];
  /** Ends the gate: calls in flight go on, waiting and later ones fail with the code `rate_limiter_closed`. */
  readonly close: () => void;
}

/** A server that serves strangers may see any number of endpoints; idle lanes beyond this are forgotten. */
const maxQueues = 1_000;

/**
 * Decides when an attempt at a model call leaves, with one lane for every endpoint and model:
 *
 * - as many in flight as the endpoint bears (`ConcurrencyLimit`);
 * - none while a 429 or 503 asks to wait (`Pause`), none above `rpm` and `tpm` (`RateWindow`);
 * - none but a probe while the endpoint is down (`CircuitBreaker`).
 *
 * It stands around each attempt, inside the retry layer: backing off and counting attempts is done there, waiting here. Calls
 * wait as long as it takes; a signal in `config` ends that. The exception to "one attempt" is an outage. When an attempt's
 * failure opens the circuit, is a probe's, or comes from before the outage, the call stays here and leaves again once the
 * endpoint is back, so that an outage does not use up retries; only failures before it was recognised count there. After
 * `giveUpAfterMs` such calls fail with `EndpointUnavailableError`.
 *
 * Rehearsals (`offline`) pass through untouched. Throws a `ZodError` when an option makes no sense.
 */
export function createRateLimiter({ describeEndpoint = describeBaseUrl, onStateChange, ...options }: RateLimiterOptions = {}): RateLimiter {
  const settings = RateLimitSettings.parse(options);
  const queues = new Map<string, EndpointQueue>();
  let closed = false;

  function getQueue(endpoint: string, model: string): EndpointQueue {
    const key = `${endpoint}\n${model}`;
    const known = queues.get(key);
    if (known) return known;
    const lane = new EndpointQueue(endpoint, model, settings, (state, { since, lastError }) =>
      onStateChange?.({ endpoint, model, state, since, lastError: lastError.message }),
    );
    if (closed) lane.close();
    if (queues.size >= maxQueues) evictIdle();
    queues.set(key, lane);
    return lane;
  }

  function evictIdle(): void {
    for (const [key, lane] of queues) {
      const { active, queued } = lane.getStatus();
      if (active + queued === 0) queues.delete(key);
    }
  }

  return {
    middleware: (next) => async (request, config) => {
      const endpoint = describeEndpoint(request.settings);
      if (endpoint === null) return next(request, config);
      // Thousands of calls may wait on one signal, which is no leak.
      if (config.signal) setMaxListeners(0, config.signal);
      return getQueue(endpoint, request.settings.model).run(next, request, config);
    },
    getStatus: () => [...queues.values()].map((lane) => lane.getStatus()),
    close: () => {
      closed = true;
      for (const lane of queues.values()) lane.close();
    },
  };
}
