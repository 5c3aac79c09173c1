import { type Assistant, Client } from "@langchain/langgraph-sdk";
import pRetry from "p-retry";
import { Agent, type RequestInit, fetch } from "undici";

import type { Env } from "../../env.js";
import { InputError, ReviewInstructError, getErrorMessage } from "../../errors.js";

/** Environment variable of the API key for the server. */
const apiKeyEnvVar = "LANGGRAPH_API_KEY";
/** Name of the graph in `langgraph.json`, and so of its default assistant. */
const defaultAssistant = "review_instruct";
/** Time limit of one short request. */
const requestTimeoutMs = 30_000;

/** Options of {@link ServerConnection.open}. */
export interface ServerConnectionOptions {
  readonly url: string;
  /** Id of an assistant, or name of a graph. Default: the graph `review_instruct`. */
  readonly assistant?: string;
  /** Environment in which the server's API key (LANGGRAPH_API_KEY) is looked up. */
  readonly env: Env;
  /**
   * Milliseconds without a response from the server after which the job stops.
   * @default 600000
   */
  readonly maxOutageMs?: number;
}

/**
 * Connects to a LangGraph server and one of its assistants.
 *
 * Requests go through `call`, which retries them during an outage and then throws `server_unavailable`. A rejected API key is
 * `server_unauthorized`. Both stop a job, which can be resumed later.
 */
export class ServerConnection {
  /** Number of outages so far. An outage can leave runs that no worker owns any more. */
  outages = 0;
  /** Called when the server stops responding, and when it responds again. */
  onConnectionChange?: (change: { readonly down: boolean; readonly reason: string }) => void;
  #isDown = false;

  private constructor(
    readonly client: Client,
    readonly url: string,
    readonly assistant: Assistant,
    private readonly options: ServerConnectionOptions,
    private readonly agent: Agent,
  ) {}

  /**
   * Connects to the server and finds the assistant, without retries.
   *
   * @throws {InputError} For an invalid URL or an unknown assistant.
   * @throws {ReviewInstructError} `server_unavailable` or `server_unauthorized`.
   */
  static async open(options: ServerConnectionOptions): Promise<ServerConnection> {
    const url = parseServerUrl(options.url);
    // Without an explicit value the client would send LangSmith's key to any server.
    const apiKey = options.env[apiKeyEnvVar]?.trim() || null;
    // A run can wait for a worker, or for its model, longer than the default timeouts of fetch.
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

  /** Closes every connection to the server. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }

  /**
   * Makes an idempotent request, with retries during an outage.
   *
   * @param signal Ends the retries when it aborts.
   */
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
    if (this.#isDown === down) return;
    this.#isDown = down;
    if (down) this.outages += 1;
    this.onConnectionChange?.({ down, reason });
  }
}

function parseServerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new InputError("--server must be an http or https URL, e.g. http://localhost:2024", { field: "server" });
  if (url.username !== "" || url.password !== "")
    throw new InputError(`--server must not contain credentials: put the key into the environment variable ${apiKeyEnvVar}`, { field: "server" });
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

async function findAssistant(client: Client, url: string, name: string): Promise<Assistant> {
  if (/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(name)) {
    return client.assistants.get(name).catch((error: unknown) => {
      throw getHttpStatus(error) === 404 ? createAssistantError(url, name, error) : error;
    });
  }
  const [found] = await client.assistants.search({ graphId: name, metadata: { created_by: "system" }, limit: 1 });
  if (!found) throw createAssistantError(url, name);
  return found;
}

function createAssistantError(url: string, name: string, cause?: unknown): InputError {
  return new InputError(
    `the LangGraph server ${url} has no assistant or graph "${name}": choose another with --assistant`,
    { field: "assistant" },
    { cause },
  );
}

/** Returns the HTTP status of an error; null if the server did not respond. */
export function getHttpStatus(error: unknown): number | null {
  return error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : null;
}

/** Names of the errors that the client throws when there is no connection. */
const networkErrorNames = ["ConnectionError", "TimeoutError", "MaxReconnectAttemptsError", "StreamIdleTimeoutError"];

/** Returns true for errors of an overloaded, failing or unreachable server, which are worth a retry. */
export function isOutage(error: unknown): boolean {
  const status = getHttpStatus(error);
  if (status !== null) return status === 429 || status >= 500;
  if (!(error instanceof Error)) return false;
  return networkErrorNames.includes(error.name) || (error instanceof TypeError && /fetch|network|terminated|socket|connection/i.test(error.message));
}

function toConnectionError(error: unknown, url: string): unknown {
  const status = getHttpStatus(error);
  const details = { server: url, status };
  if (status === 401 || status === 403) {
    const message = `the LangGraph server ${url} rejects the API key (${status}). Put a valid key into the environment variable ${apiKeyEnvVar}, then run the same command again.`;
    return new ReviewInstructError("server_unauthorized", message, details, { cause: error });
  }
  if (isOutage(error)) {
    const message = `the LangGraph server ${url} does not answer: ${getErrorMessage(error)}. Start it, then run the same command again: finished conversations are kept.`;
    return new ReviewInstructError("server_unavailable", message, details, { cause: error });
  }
  if (error instanceof SyntaxError)
    return new InputError(`${url} is not a LangGraph server: its response is not JSON. Check --server.`, { field: "server" }, { cause: error });
  return error;
}
