import { setTimeout as delay } from "node:timers/promises";

export interface ConnectionOptions {
  /** Milliseconds until one request is given up. Default 10000. */
  readonly timeoutMs?: number;
  /** Waits before a request is tried again, in milliseconds. Default 250 and 1000. */
  readonly pauses?: readonly number[];
  /** Milliseconds without requests after LangSmith failed. Default 30000. */
  readonly restMs?: number;
  /** Told each time LangSmith begins to fail. */
  readonly onTrouble?: (reason: string) => void;
}

/** Stays out of the way for longer where only a person can help. */
const unauthorizedRestMs = 300_000;

/**
 * The way to LangSmith, as a `fetch` that never keeps anyone waiting: requests end after a while, a failing server is tried
 * a little more and then left alone (a circuit breaker). Uploads that fail, and the question what the server can do, are
 * answered as if all were well, since the SDK would repeat and report each of them for minutes; `failures` counts the uploads.
 * Everything else fails with status 424.
 */
export class Connection {
  /** Uploads that did not arrive. */
  failures = 0;
  /** Why the last request failed. */
  reason: string | null = null;
  readonly #closing = new AbortController();
  #restUntil = 0;

  constructor(private readonly options: ConnectionOptions = {}) {}

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const upload = /\/runs\/(?:multipart|batch)$/.test(url.pathname);
    if (performance.now() >= this.#restUntil && !this.#closing.signal.aborted) {
      // A streamed body could be sent only once.
      const body = init?.body === null || init?.body === undefined ? undefined : await new Response(init.body).arrayBuffer();
      const answer = await this.#attempts(url, { ...init, body });
      // The SDK has another way of uploading for servers without this one.
      if (answer?.ok || (answer?.status === 404 && upload)) return answer;
      await answer?.body?.cancel();
    }
    if (upload) this.failures += 1;
    return upload || url.pathname.endsWith("/info") ? new Response("{}") : new Response(null, { status: 424 });
  };

  /** Ends every request under way and lets no more out. */
  cut(): void {
    this.#closing.abort();
  }

  /** An answer that repeating would not change, or null. */
  async #attempts(url: URL, init: RequestInit): Promise<Response | null> {
    const { pauses = [250, 1000] } = this.options;
    for (const pause of [...pauses, null]) {
      const outcome = await this.#attempt(url, init);
      if (outcome instanceof Response) return outcome;
      this.reason = outcome.reason;
      if (!outcome.again || pause === null) {
        this.#rest(outcome.restMs);
        return null;
      }
      await delay(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      if (this.#closing.signal.aborted) return null;
    }
    return null;
  }

  async #attempt(url: URL, init: RequestInit): Promise<Response | { reason: string; again: boolean; restMs?: number }> {
    const { timeoutMs = 10_000 } = this.options;
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal]);
      const response = await globalThis.fetch(url, { ...init, signal });
      const { status } = response;
      if (response.ok) return response;
      if (status < 500 && ![401, 403, 408, 429].includes(status)) {
        this.reason = `it answered ${status}`;
        return response;
      }
      await response.body?.cancel();
      if (status === 401 || status === 403)
        return { reason: `it answered ${status}: check LANGSMITH_API_KEY and LANGSMITH_WORKSPACE_ID`, again: false, restMs: unauthorizedRestMs };
      return { reason: `it answered ${status}`, again: status !== 429 };
    } catch (error) {
      if (this.#closing.signal.aborted) return { reason: "it did not answer before the end", again: false };
      if (error instanceof Error && error.name === "TimeoutError") return { reason: `no answer within ${timeoutMs / 1000} s`, again: false };
      return { reason: networkReason(error), again: true };
    }
  }

  #rest(restMs = this.options.restMs ?? 30_000): void {
    this.#restUntil = performance.now() + restMs;
    if (!this.#closing.signal.aborted) this.options.onTrouble?.(this.reason ?? "it cannot be reached");
  }
}

/** `fetch failed` says nothing; its cause does. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return `it cannot be reached${typeof code === "string" ? ` (${code})` : ""}`;
}
