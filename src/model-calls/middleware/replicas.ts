import { LRUCache } from "lru-cache";

import { AttemptError } from "../attempt/attempt-error.js";
import type { ModelMiddleware } from "../model-call.js";

/** One of several servers that serve the same model. */
interface Replica {
  readonly baseUrl: string;
  /** Calls in flight. */
  active: number;
  /** Failures since the last success. */
  failures: number;
  /** Time from which it may be called again, in milliseconds; 0 for one that works. */
  retryAt: number;
}

/** Options of {@link withReplicas}. */
export interface ReplicaOptions {
  /**
   * Milliseconds for which a replica is left out after its first failure. They double with each further one.
   * @default 1000
   */
  readonly minRestMs?: number;
  /**
   * Longest time for which it is left out.
   * @default 60000
   */
  readonly maxRestMs?: number;
}

/** Bounds the memory of a server that accepts settings from its clients. */
const maxReplicaSets = 1_000;

/**
 * Creates middleware that sends each attempt to one of the replicas that settings name: the least busy one that works.
 *
 * A replica that fails is left out for a while, then tried with a single call. The attempt goes to another replica at once,
 * so that callers only meet a failure that all of them share. It belongs directly around the attempt: limits, retries and
 * everything learnt concern the replicas together.
 */
export function withReplicas({ minRestMs = 1_000, maxRestMs = 60_000 }: ReplicaOptions = {}): ModelMiddleware {
  const replicaSets = new LRUCache<string, Replica[]>({ max: maxReplicaSets });

  function getReplicas(baseUrls: readonly string[], model: string): Replica[] {
    const key = JSON.stringify([model, ...baseUrls]);
    const replicas = replicaSets.get(key) ?? baseUrls.map((baseUrl) => ({ baseUrl, active: 0, failures: 0, retryAt: 0 }));
    replicaSets.set(key, replicas);
    return replicas;
  }

  function settle(replica: Replica, error?: AttemptError): void {
    replica.failures = error ? replica.failures + 1 : 0;
    const waitMs = error?.details.retryAfterMs ?? Math.min(maxRestMs, minRestMs * 2 ** (replica.failures - 1));
    replica.retryAt = error ? Date.now() + Math.min(maxRestMs, waitMs) : 0;
  }

  return (next) => async (request, config) => {
    const { replicas: baseUrls = [], ...settings } = request.settings;
    if (baseUrls.length < 2) return next(request, config);
    const replicas = getReplicas(baseUrls, settings.model);
    const tried = new Set<Replica>();
    let picked: Replica | undefined = pickReplica(replicas, tried) ?? getFirstDue(replicas);
    for (;;) {
      const replica: Replica = picked;
      tried.add(replica);
      replica.active++;
      try {
        const response = await next({ ...request, settings: { ...settings, baseUrl: replica.baseUrl } }, config);
        settle(replica);
        return response;
      } catch (error) {
        if (!(error instanceof AttemptError)) throw error;
        if (isReplicaFailure(error)) settle(replica, error);
        picked = isWorthMoving(error, tried.size) ? pickReplica(replicas, tried) : undefined;
        if (!picked) throw error;
      } finally {
        replica.active--;
      }
    }
  };
}

/** Picks the least busy replica that works. One that is due to be tried again comes first, with a single call. */
function pickReplica(replicas: readonly Replica[], tried: ReadonlySet<Replica>): Replica | undefined {
  const now = Date.now();
  const untried = replicas.filter((replica) => !tried.has(replica));
  const due = untried.find(({ retryAt, active }) => retryAt > 0 && retryAt <= now && active === 0);
  return due ?? untried.filter(({ retryAt }) => retryAt === 0).toSorted((a, b) => a.active - b.active)[0];
}

/** Returns the replica that is due first, for a call while none works. */
function getFirstDue(replicas: readonly Replica[]): Replica {
  return replicas.reduce((first, replica) => (replica.retryAt < first.retryAt ? replica : first));
}

/** Returns true for a failure of the server, not of the request. */
function isReplicaFailure({ code, details }: AttemptError): boolean {
  if (details.requestNotSent) return true;
  return details.retryable && (code !== "model_unavailable" || details.status === undefined || details.status >= 502);
}

/** A request that may itself be the cause is tried by one other replica; one that ran out of time by none. */
function isWorthMoving(error: AttemptError, triedCount: number): boolean {
  if (error.code === "model_timeout") return error.details.requestNotSent === true;
  return isReplicaFailure(error) || (error.details.retryable && triedCount < 2);
}
