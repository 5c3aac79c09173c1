import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

export interface LangSmithFetchOptions {
  /**
   * Milliseconds until a request times out.
   *
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds to wait before each retry.
   *
   * @default [250, 1000]
   */
  readonly retryDelaysMs?: readonly number[];
  /**
   * Milliseconds without requests after LangSmith failed.
   *
   * @default 30_000
   */
  readonly cooldownMs?: number;
  /** Called each time LangSmith starts to fail. */
  readonly onFailure?: (reason: string) => void;
}

/** Result of one attempt: a response that a retry would not change, or why there is none. */
type AttemptResult = { readonly response: Response } | { readonly reason: string; readonly retryable: boolean; readonly cooldownMs?: number };

/** Longer than the usual cooldown, since only the user can fix the key. */
const unauthorizedCooldownMs = 300_000;

/**
 * A `fetch` for the LangSmith client with a timeout, two retries and a circuit breaker.
 *
 * A failed upload, and a failed request for the server's capabilities, still get a successful response. The SDK would
 * otherwise repeat and report each of them for minutes. `failedUploadCount` counts the failed uploads. All other failed
 * requests get status 424.
 */
export class LangSmithFetch {
  uploadCount = 0;
  failedUploadCount = 0;
  /** Why the last failed request failed. */
  failureReason: string | null = null;
  readonly #closing = new AbortController();
  #openUntil = 0;

  constructor(private readonly options: LangSmithFetchOptions = {}) {
    setMaxListeners(Infinity, this.#closing.signal);
  }

  /** True while no requests are sent. */
  get isCircuitOpen(): boolean {
    return performance.now() < this.#openUntil || this.#closing.signal.aborted;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(typeof input === "object" && "url" in input ? input.url : input);
    const isUpload = /\/runs\/(?:multipart|batch)$/.test(url.pathname);
    if (isUpload) this.uploadCount += 1;
    if (!this.isCircuitOpen) {
      // A streamed body could be sent only once.
      const body = init?.body === null || init?.body === undefined ? undefined : await new Response(init.body).arrayBuffer();
      const response = await this.#fetchWithRetries(url, { ...init, body });
      // After a 404 the SDK uploads in another way, for servers without this route.
      if (response?.ok || (response?.status === 404 && isUpload)) return response;
    }
    if (isUpload) this.failedUploadCount += 1;
    return isUpload || url.pathname.endsWith("/info") ? new Response("{}") : new Response(null, { status: 424 });
  };

  /** Aborts all requests in progress and sends no more. */
  close(): void {
    this.#closing.abort();
  }

  async #fetchWithRetries(url: URL, init: RequestInit): Promise<Response | null> {
    const { retryDelaysMs = [250, 1000], cooldownMs = 30_000 } = this.options;
    for (const retryDelayMs of [...retryDelaysMs, null]) {
      const result = await this.#attempt(url, init);
      if ("response" in result) return result.response;
      this.failureReason = result.reason;
      if (this.#closing.signal.aborted) return null;
      if (!result.retryable || retryDelayMs === null) {
        this.#openUntil = performance.now() + (result.cooldownMs ?? cooldownMs);
        this.options.onFailure?.(result.reason);
        return null;
      }
      await delay(retryDelayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
    return null;
  }

  async #attempt(url: URL, init: RequestInit): Promise<AttemptResult> {
    const { timeoutMs = 10_000 } = this.options;
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    const timer = setTimeout(abort, timeoutMs);
    this.#closing.signal.addEventListener("abort", abort);
    try {
      const response = await globalThis.fetch(url, { ...init, signal: attempt.signal });
      // Reads the whole body within the timeout, since a server can also hang there.
      const text = await response.text();
      return this.#classify(response.status, new Response(text, { status: response.status }));
    } catch (error) {
      if (this.#closing.signal.aborted) return { reason: "it did not answer before the end", retryable: false };
      if (attempt.signal.aborted) return { reason: `no answer within ${timeoutMs / 1000} s`, retryable: false };
      return { reason: getNetworkFailureReason(error), retryable: true };
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", abort);
    }
  }

  #classify(status: number, response: Response): AttemptResult {
    if (response.ok) return { response };
    const reason = `it answered ${status}`;
    if (status === 401 || status === 403) {
      return {
        reason: `${reason}: check LANGSMITH_API_KEY and LANGSMITH_WORKSPACE_ID`,
        retryable: false,
        cooldownMs: unauthorizedCooldownMs,
      };
    }
    if (status >= 500 || status === 408) return { reason, retryable: true };
    if (status === 429) return { reason, retryable: false };
    this.failureReason = reason;
    return { response };
  }
}

/** The message is always `fetch failed`. Only the cause says why. */
function getNetworkFailureReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return `it cannot be reached${typeof code === "string" ? ` (${code})` : ""}`;
}
