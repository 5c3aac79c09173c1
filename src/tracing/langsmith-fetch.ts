import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

export interface ConnectionOptions {
  /** Milliseconds until one request is given up. Default 10000. */
  readonly timeoutMs?: number;
  /** Waits before a request is tried again, in milliseconds. Default 250 and 1000. */
  readonly pauses?: readonly number[];
  /** Milliseconds without requests after LangSmith failed. Default 30000. */
  readonly cooldownMs?: number;
  /** Told each time LangSmith begins to fail. */
  readonly onFailure?: (reason: string) => void;
}

/** What came of one request: an answer that asking again would not change, or why there is none. */
type Outcome = { readonly answer: Response } | { readonly reason: string; readonly again: boolean; readonly cooldownMs?: number };

/** Longer, where only a person can help. */
const unauthorizedRestMs = 300_000;

/**
 * The way to LangSmith, as a `fetch` that never keeps anyone waiting: requests end after a while, a failing server is tried
 * a little more and then left alone (a circuit breaker). Uploads that fail, and the question what the server can do, are
 * answered as if all were well, since the SDK would repeat and report each of them for minutes; `failures` counts the uploads.
 * Everything else fails with status 424.
 */
export class LangSmithFetch {
  /** Uploads so far, and those of them that did not arrive. */
  uploads = 0;
  failures = 0;
  /** Why the last request failed. */
  reason: string | null = null;
  readonly #closing = new AbortController();
  #restUntil = 0;

  constructor(private readonly options: ConnectionOptions = {}) {
    setMaxListeners(Infinity, this.#closing.signal);
  }

  /** Whether LangSmith is left alone at the moment. */
  get isCircuitOpen(): boolean {
    return performance.now() < this.#restUntil || this.#closing.signal.aborted;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(typeof input === "object" && "url" in input ? input.url : input);
    const isUpload = /\/runs\/(?:multipart|batch)$/.test(url.pathname);
    if (isUpload) this.uploads += 1;
    if (!this.isCircuitOpen) {
      // A streamed body could be sent only once.
      const body = init?.body === null || init?.body === undefined ? undefined : await new Response(init.body).arrayBuffer();
      const answer = await this.#ask(url, { ...init, body });
      // The SDK has another way of uploading, for servers that do not know this one.
      if (answer?.ok || (answer?.status === 404 && isUpload)) return answer;
    }
    if (isUpload) this.failures += 1;
    return isUpload || url.pathname.endsWith("/info") ? new Response("{}") : new Response(null, { status: 424 });
  };

  /** Ends every request under way and lets no more out. */
  close(): void {
    this.#closing.abort();
  }

  async #ask(url: URL, init: RequestInit): Promise<Response | null> {
    const { pauses = [250, 1000], cooldownMs = 30_000 } = this.options;
    for (const pause of [...pauses, null]) {
      const outcome = await this.#attempt(url, init);
      if ("answer" in outcome) return outcome.answer;
      this.reason = outcome.reason;
      if (this.#closing.signal.aborted) return null;
      if (!outcome.again || pause === null) {
        this.#restUntil = performance.now() + (outcome.cooldownMs ?? cooldownMs);
        this.options.onFailure?.(outcome.reason);
        return null;
      }
      await delay(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
    return null;
  }

  async #attempt(url: URL, init: RequestInit): Promise<Outcome> {
    const { timeoutMs = 10_000 } = this.options;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const stop = () => deadline.abort();
    this.#closing.signal.addEventListener("abort", stop);
    try {
      const response = await globalThis.fetch(url, { ...init, signal: deadline.signal });
      // To its end, since a server can also hang there.
      const text = await response.text();
      return this.#classify(response.status, new Response(text, { status: response.status }));
    } catch (error) {
      if (this.#closing.signal.aborted) return { reason: "it did not answer before the end", again: false };
      if (deadline.signal.aborted) return { reason: `no answer within ${timeoutMs / 1000} s`, again: false };
      return { reason: networkReason(error), again: true };
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", stop);
    }
  }

  #classify(status: number, answer: Response): Outcome {
    if (answer.ok) return { answer };
    const reason = `it answered ${status}`;
    if (status === 401 || status === 403) {
      return { reason: `${reason}: check LANGSMITH_API_KEY and LANGSMITH_WORKSPACE_ID`, again: false, cooldownMs: unauthorizedRestMs };
    }
    if (status >= 500 || status === 408) return { reason, again: true };
    if (status === 429) return { reason, again: false };
    this.reason = reason;
    return { answer };
  }
}

/** `fetch failed` says nothing; its cause does. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return `it cannot be reached${typeof code === "string" ? ` (${code})` : ""}`;
}
