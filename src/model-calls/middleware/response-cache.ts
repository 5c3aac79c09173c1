import { createHash } from "node:crypto";

import { z } from "zod";

import {
  type CallModel,
  type DescribeEndpoint,
  type ModelMiddleware,
  type ModelRequest,
  type ModelResponse,
  describeBaseUrl,
} from "../model-call.js";
import type { ResponseStore } from "./response-store.js";

/** Options of {@link createResponseCache}. */
export interface ResponseCacheOptions {
  readonly store: ResponseStore;
  /** Part of the key. Calls without an endpoint are not cached. */
  readonly describeEndpoint?: DescribeEndpoint;
  /** Called once when the store fails; the run goes on without it. */
  readonly onWarning?: (message: string) => void;
}

/** Counts of requests since the cache was created. */
export interface CacheStats {
  /** Requests answered without a call of their own. */
  readonly hits: number;
  readonly misses: number;
  /** Responses written. */
  readonly stored: number;
}

export interface ResponseCache {
  /** Answers a request that was answered before. Such a response carries `cached: true` and cost nothing. */
  readonly middleware: ModelMiddleware;
  readonly getStats: () => CacheStats;
}

const tokens = z.int().min(0).nullable();
const StoredResponse = z.object({
  text: z.string().min(1),
  finishReason: z.literal("stop"),
  usage: z.looseObject({ inputTokens: tokens, outputTokens: tokens }),
  model: z.string(),
});
/** The digest tells a damaged but readable entry from a whole one. */
const Entry = z.object({ digest: z.string(), response: z.unknown() });

/** Increased when keys or entries change their meaning. */
const formatVersion = 2;

/**
 * Creates a cache of responses, keyed by everything that shapes one: caller, endpoint, model, sampling, messages, schema.
 *
 * Only complete responses with text are stored, and nothing else: no key, no prompt. A caller that cannot use a response
 * removes it with `evict`. A damaged entry counts as a miss and is replaced. Identical requests at the same time make one
 * call: the others wait for it, and make their own if it fails or its response is not stored.
 */
export function createResponseCache({ store, describeEndpoint = describeBaseUrl, onWarning }: ResponseCacheOptions): ResponseCache {
  const stats = { hits: 0, misses: 0, stored: 0 };
  const inFlight = new Map<string, Promise<ModelResponse | null>>();
  let writable = true;

  function disableWrites(action: string, error: unknown): void {
    if (writable) onWarning?.(`the response cache cannot be ${action} (${String(error)}): the run goes on without storing responses`);
    writable = false;
  }

  async function find(key: string): Promise<ModelResponse | null> {
    try {
      return parseEntry(await store.get(key));
    } catch (error) {
      disableWrites("read", error);
      return null;
    }
  }

  async function save(key: string, response: ModelResponse): Promise<void> {
    try {
      await store.set(key, formatEntry(response));
      stats.stored++;
    } catch (error) {
      disableWrites("written", error);
    }
  }

  async function evict(key: string): Promise<void> {
    try {
      await store.delete(key);
    } catch (error) {
      disableWrites("cleared of an unusable response", error);
    }
  }

  const toHit = (key: string, response: ModelResponse): ModelResponse => {
    stats.hits++;
    return { ...response, cached: true, evict: () => evict(key) };
  };

  async function callAndStore(key: string, call: () => Promise<ModelResponse>): Promise<ModelResponse> {
    let settle: (shared: ModelResponse | null) => void = () => undefined;
    inFlight.set(key, new Promise((resolve) => (settle = resolve)));
    let shared: ModelResponse | null = null;
    try {
      stats.misses++;
      const response = await call();
      if (!writable || response.finishReason !== "stop" || response.text.trim() === "") return response;
      await save(key, response);
      const { text, finishReason, usage, model } = response;
      shared = { text, finishReason, usage, model };
      return { ...response, evict: () => evict(key) };
    } finally {
      inFlight.delete(key);
      settle(shared);
    }
  }

  return {
    middleware:
      (next: CallModel): CallModel =>
      async (request, config) => {
        const endpoint = describeEndpoint(request.settings);
        if (endpoint === null) return next(request, config);
        config.signal?.throwIfAborted();
        const key = getCacheKey(endpoint, request);
        for (;;) {
          const pending = inFlight.get(key);
          const response = await (pending ? untilAborted(pending, config.signal) : find(key));
          if (response) return toHit(key, response);
          // Another request may have started its call while this one looked the key up.
          if (!inFlight.has(key)) return callAndStore(key, () => next(request, config));
        }
      },
    getStats: () => ({ ...stats }),
  };
}

function getCacheKey(endpoint: string, { settings, messages, responseFormat, caller }: ModelRequest): string {
  return computeDigest({
    formatVersion,
    endpoint,
    model: settings.model,
    temperature: settings.temperature,
    maxOutputTokens: settings.maxOutputTokens,
    caller: [caller.group, caller.name],
    messages: messages.map(({ type, content }) => [type, content]),
    responseFormat: responseFormat && [responseFormat.name, responseFormat.schema],
  });
}

/** Waits for another request's call, but no longer than this request's signal allows. */
async function untilAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return pending;
  let onAbort = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => void reject(signal.reason);
  });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([pending, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function formatEntry({ text, finishReason, usage, model }: ModelResponse): string {
  const response = { text, finishReason, usage, model };
  return JSON.stringify({ digest: computeDigest(response), response });
}

/** Returns null for a missing or damaged entry. */
function parseEntry(text: string | undefined): ModelResponse | null {
  if (text === undefined) return null;
  try {
    const { digest, response } = Entry.parse(JSON.parse(text));
    return digest === computeDigest(response) ? StoredResponse.parse(response) : null;
  } catch {
    // Cut off, or overwritten by something else: the entry is made again.
    return null;
  }
}

function computeDigest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
