import { type Assistant, Client } from "@langchain/langgraph-sdk";
import pRetry from "p-retry";
import { Agent, type RequestInit, fetch } from "undici";

import type { Env } from "../../env.js";
import { InputError, ReviewInstructError } from "../../errors.js";

/** The variable that holds the key for a LangGraph server. */
const keyVariable = "LANGGRAPH_API_KEY";
/** The graph that `langgraph.json` serves, and so the name of its default assistant. */
const defaultAssistant = "review_instruct";
/** Longest wait for one short request. */
const requestTimeoutMs = 30_000;

export interface ServerConnectionOptions {
  readonly url: string;
  /** Id of an assistant, or name of a graph. Default: the graph `review_instruct`. */
  readonly assistant?: string;
  /** Where the server's API key (LANGGRAPH_API_KEY) is looked up. */
  readonly env: Env;
  /** How long a server may be away before the job stops, in milliseconds. Default ten minutes. */
  readonly maxOutageMs?: number;
}

/**
 * A LangGraph server and one assistant on it. Requests are made through `call`, which waits for a server that is away, and
 * then fails with `server_unavailable`; a key that is refused is `server_unauthorized`. Both stop a job, resumably.
 */
export class ServerConnection {
  /** Outages so far. One that ended in between has perhaps left runs behind that nobody works on any more. */
  outages = 0;
  /** Told when the server stops answering, and when it is back. */
  onConnectionChange?: (change: { readonly down: boolean; readonly reason: string }) => void;
  #down = false;

  private constructor(
    readonly client: Client,
    readonly url: string,
    readonly assistant: Assistant,
    private readonly options: ServerConnectionOptions,
    private readonly agent: Agent,
  ) {}

  /** Finds the server and the assistant, without patience. Throws `InputError` where there is none of that name. */
  static async open(options: ServerConnectionOptions): Promise<ServerConnection> {
    const url = serverUrl(options.url);
    // Left to itself the client would send LangSmith's key to any server.
    const apiKey = options.env[keyVariable]?.trim() || null;
    // A run may wait for a worker, or for its model, longer than fetch waits by default.
    const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
    const client = new Client({
      apiUrl: url,
      apiKey,
      timeoutMs: requestTimeoutMs,
      callerOptions: {
        maxRetries: 0,
        maxConcurrency: Infinity,
        fetch: (target: string, init?: RequestInit) => fetch(target, { ...init, dispatcher: agent }),
      },
    });
    try {
      const assistant = await findAssistant(client, url, options.assistant ?? defaultAssistant);
      return new ServerConnection(client, url, assistant, options, agent);
    } catch (error) {
      await agent.destroy();
      throw toConnectionError(error, url);
    }
  }

  /** Lets go of every connection. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }

  /** Makes a request that may be made twice. `signal` ends the waiting for a server that is away. */
  async call<T>(request: (client: Client) => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      const result = await pRetry(() => request(this.client), {
        retries: Infinity,
        minTimeout: 500,
        maxTimeout: 5_000,
        maxRetryTime: this.options.maxOutageMs ?? 600_000,
        signal,
        shouldRetry: ({ error }) => isOutage(error),
        onFailedAttempt: ({ error }) => {
          if (isOutage(error)) this.#setDown(true, error.message);
        },
      });
      this.#setDown(false, "");
      return result;
    } catch (error) {
      throw toConnectionError(error, this.url);
    }
  }

  #setDown(down: boolean, reason: string): void {
    if (this.#down === down) return;
    this.#down = down;
    if (down) this.outages += 1;
    this.onConnectionChange?.({ down, reason });
  }
}

function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new InputError("--server must be an http or https URL, e.g. http://localhost:2024", { field: "server" });
  if (url.username !== "" || url.password !== "")
    throw new InputError(`--server must not hold credentials: put the key into the environment variable ${keyVariable}`, { field: "server" });
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

async function findAssistant(client: Client, url: string, name: string): Promise<Assistant> {
  if (/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(name)) {
    return client.assistants.get(name).catch((error: unknown) => {
      throw getStatus(error) === 404 ? noAssistant(url, name, error) : error;
    });
  }
  const [found] = await client.assistants.search({ graphId: name, metadata: { created_by: "system" }, limit: 1 });
  if (!found) throw noAssistant(url, name);
  return found;
}

function noAssistant(url: string, name: string, cause?: unknown): InputError {
  return new InputError(
    `the LangGraph server ${url} has no assistant or graph "${name}": choose another with --assistant`,
    { field: "assistant" },
    { cause },
  );
}

/** The HTTP status that a server answered with; null where it did not answer. */
export function getStatus(error: unknown): number | null {
  return error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : null;
}

/** As the client names them. */
const networkErrorNames = ["ConnectionError", "TimeoutError", "MaxReconnectAttemptsError", "StreamIdleTimeoutError"];

/** Whether the server, or the way to it, is away for now. */
export function isOutage(error: unknown): boolean {
  const status = getStatus(error);
  if (status !== null) return status === 429 || status >= 500;
  if (!(error instanceof Error)) return false;
  return networkErrorNames.includes(error.name) || (error instanceof TypeError && /fetch|network|terminated|socket|connection/i.test(error.message));
}

function toConnectionError(error: unknown, url: string): unknown {
  const status = getStatus(error);
  const details = { server: url, status };
  if (status === 401 || status === 403) {
    const message = `the LangGraph server ${url} refuses this client (${status}). Put a valid key into the environment variable ${keyVariable}, then run the same command again.`;
    return new ReviewInstructError("server_unauthorized", message, details, { cause: error });
  }
  if (isOutage(error)) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the LangGraph server ${url} does not answer: ${reason}. Bring it back, then run the same command again: what was finished is kept.`;
    return new ReviewInstructError("server_unavailable", message, details, { cause: error });
  }
  if (error instanceof SyntaxError)
    return new InputError(`${url} answers, but not as a LangGraph server does`, { field: "server" }, { cause: error });
  return error;
}
