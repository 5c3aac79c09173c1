import { createHash } from "node:crypto";

import { z } from "zod";

import { getErrorMessage } from "../../errors.js";
import { type DescribeEndpoint, type ModelMiddleware, type ModelRequest, type ModelResponse, describeBaseUrl } from "../model-call.js";
import { getTextSettings } from "../../state/model-settings.js";
import type { ResponseStore } from "./response-store.js";

/** Options of {@link createResponseCache}. */
export interface ResponseCacheOptions {
  readonly store: ResponseStore;
  /** Part of the key. Calls without an endpoint are not cached. */
  readonly describeEndpoint?: DescribeEndpoint;
  /** Called once when the store fails. The run continues without storing responses. */
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
  /** Answers a repeated request from the store. Such a response has `cached: true` and cost nothing. */
  readonly middleware: ModelMiddleware;
  readonly getStats: () => CacheStats;
}

const tokenCount = z.int().min(0).nullable();
const StoredResponse = z.object({
  text: z.string().min(1),
  finishReason: z.literal("stop"),
  usage: z.looseObject({ inputTokens: tokenCount, outputTokens: tokenCount }),
  model: z.string(),
  reasoning: z.string().optional(),
  promptCut: z.literal(true).optional(),
});
type StoredResponse = Pick<ModelResponse, "text" | "finishReason" | "usage" | "model" | "reasoning" | "promptCut">;
/** The digest detects an entry that is damaged but still valid JSON. */
const Entry = z.object({ digest: z.string(), response: z.unknown() });

/** Increase it when keys or entries change their meaning. */
const formatVersion = 3;

/**
 * Creates a cache of responses, keyed by everything that shapes one: caller, endpoint, model, sampling, messages, schema.
 *
 * Stores only complete responses with text, and nothing else: no key, no prompt. A caller that cannot use a response removes
 * it with `evict`. A damaged entry counts as a miss and is replaced.
 *
 * Identical requests at the same time make one call. The others wait for it, and call themselves, one after the other, if it
 * fails or its response is not stored.
 */
export function createResponseCache({ store, describeEndpoint = describeBaseUrl, onWarning }: ResponseCacheOptions): ResponseCache {
  const stats = { hits: 0, misses: 0, stored: 0 };
  const inFlight = new Map<string, Promise<StoredResponse | null>>();
  let writable = true;

  function disableWrites(action: string, error: unknown): void {
    if (writable) onWarning?.(`the response cache cannot be ${action} (${getErrorMessage(error)}): the run continues without storing responses`);
    writable = false;
  }

  async function find(key: string): Promise<StoredResponse | null> {
    try {
      return parseEntry(await store.get(key));
    } catch (error) {
      disableWrites("read", error);
      return null;
    }
  }

  /** Returns the stored part of the response, or null if nothing was stored. */
  async function save(key: string, { text, finishReason, usage, model, reasoning, promptCut }: ModelResponse): Promise<StoredResponse | null> {
    if (finishReason !== "stop" || text.trim() === "") return null;
    const optional = { ...(reasoning !== undefined && { reasoning }), ...(promptCut && { promptCut }) };
    const response = { text, finishReason, usage, model, ...optional };
    try {
      await store.set(key, formatEntry(response));
      stats.stored++;
      return response;
    } catch (error) {
      disableWrites("written", error);
      return null;
    }
  }

  async function evict(key: string): Promise<void> {
    try {
      await store.delete(key);
    } catch (error) {
      disableWrites("cleared of an unusable response", error);
    }
  }

  function toHit(key: string, response: StoredResponse): ModelResponse {
    stats.hits++;
    return { ...response, cached: true, evict: () => evict(key) };
  }

  async function callAndStore(key: string, call: () => Promise<ModelResponse>): Promise<ModelResponse> {
    stats.misses++;
    if (!writable) return call();
    let settle: (stored: StoredResponse | null) => void = () => undefined;
    inFlight.set(key, new Promise((resolve) => (settle = resolve)));
    let stored: StoredResponse | null = null;
    try {
      const response = await call();
      stored = await save(key, response);
      return stored ? { ...response, evict: () => evict(key) } : response;
    } finally {
      inFlight.delete(key);
      settle(stored);
    }
  }

  return {
    middleware: (next) => async (request, config) => {
      const endpoint = describeEndpoint(request.settings);
      if (endpoint === null) return next(request, config);
      const key = getCacheKey(endpoint, request);
      for (;;) {
        config.signal?.throwIfAborted();
        const pending = inFlight.get(key);
        const response = await (pending ? waitUnlessAborted(pending, config.signal) : find(key));
        if (response) return toHit(key, response);
        // Another request may have started its call while this one read the store.
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
    settings: Object.entries(getTextSettings(settings)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    caller: [caller.group, caller.name],
    messages: messages.map(({ type, content }) => [type, content]),
    responseFormat: responseFormat && [responseFormat.name, responseFormat.schema],
  });
}

/** Waits for another request's call until this request's own signal aborts. */
async function waitUnlessAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return pending;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([pending, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function formatEntry(response: StoredResponse): string {
  return JSON.stringify({ digest: computeDigest(response), response });
}

/** Returns null for a missing or damaged entry. */
function parseEntry(text: string | undefined): StoredResponse | null {
  if (text === undefined) return null;
  try {
    const { digest, response } = Entry.parse(JSON.parse(text));
    return digest === computeDigest(response) ? StoredResponse.parse(response) : null;
  } catch {
    // Cut off, or overwritten by something else. The entry is replaced.
    return null;
  }
}

function computeDigest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
