import { setMaxListeners } from "node:events";

import type { ModelAccess } from "../../nodes/model-access.js";
import type { CircuitState } from "./breaker.js";
import { endpointOf } from "../endpoint.js";
import { GateSettings } from "./gate-settings.js";
import { Lane, type LaneStatus } from "./lane.js";

export type { LaneStatus };

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

export interface GateOptions extends Partial<GateSettings> {
  readonly onStateChange?: (change: CircuitChange) => void;
}

export interface Gate {
  /** The same access, one attempt a call, that leaves when its lane lets it. Every access wrapped by one gate shares its lanes. */
  readonly wrap: (next: ModelAccess) => ModelAccess;
  /** Every lane there is, in the order of their first calls. */
  readonly status: () => LaneStatus[];
  /** Ends the gate: calls in flight go on, waiting and later ones fail with the code `gate_closed`. */
  readonly close: () => void;
}

/** A server that serves strangers may see any number of endpoints; idle lanes beyond this are forgotten. */
const mostLanes = 1_000;

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
 * `giveUpAfterMs` such calls fail with `EndpointDownError`.
 *
 * Rehearsals (`offline`) pass through untouched. Throws a `ZodError` when an option makes no sense.
 */
export function createGate({ onStateChange, ...options }: GateOptions = {}): Gate {
  const settings = GateSettings.parse(options);
  const lanes = new Map<string, Lane>();
  let closed = false;

  function laneOf(endpoint: string, model: string): Lane {
    const key = `${endpoint}\n${model}`;
    const known = lanes.get(key);
    if (known) return known;
    const lane = new Lane(endpoint, model, settings, (state, { since, lastError }) =>
      onStateChange?.({ endpoint, model, state, since, lastError: lastError.message }),
    );
    if (closed) lane.close();
    if (lanes.size >= mostLanes) forgetIdle();
    lanes.set(key, lane);
    return lane;
  }

  function forgetIdle(): void {
    for (const [key, lane] of lanes) {
      const { active, queued } = lane.status();
      if (active + queued === 0) lanes.delete(key);
    }
  }

  return {
    wrap: (next) => async (request, config) => {
      const endpoint = endpointOf(request.settings);
      if (endpoint === "offline") return next(request, config);
      // Thousands of calls may wait on one signal, which is no leak.
      if (config.signal) setMaxListeners(0, config.signal);
      return laneOf(endpoint, request.settings.model).run(next, request, config);
    },
    status: () => [...lanes.values()].map((lane) => lane.status()),
    close: () => {
      closed = true;
      for (const lane of lanes.values()) lane.close();
    },
  };
}
