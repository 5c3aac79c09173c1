import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { createDefaultContent } from "./openai-answers.js";
import { type ChatBody, type RequestRole, createChatCompletion, createChatCompletionEvents, getRequestRole } from "./openai-wire.js";

export type { ChatBody };

/** A request as a handler gets it. */
export interface ServerRequest {
  readonly body: ChatBody;
  readonly role: RequestRole;
  /** 0 for the server's first request. Counts every retry. */
  readonly index: number;
  readonly headers: IncomingHttpHeaders;
  /** Path and query. */
  readonly url: string;
}

/** A completion. Default content depends on the role, default usage on the texts. */
export interface ChatResponse {
  readonly content?: string | null;
  /** Sent as `reasoning_content`. */
  readonly reasoning?: string;
  readonly refusal?: string;
  readonly finishReason?: string;
  /** Null: the endpoint reports no usage. */
  readonly usage?: Record<string, unknown> | null;
  /** Model name in the response. Default: the requested one. */
  readonly model?: string;
  readonly latencyMs?: number;
}

/** Anything but a completion. */
export type FailedResponse =
  /** Any HTTP response. An object is sent as JSON, a string unchanged. Status 200 with a string is a broken body. */
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown; readonly latencyMs?: number }
  /** Never responds. `body`: stops after the headers and half of the body. */
  | { readonly hang: true | "body" }
  /** Destroys the socket. `body`: in the middle of the body. */
  | { readonly reset: true | "body"; readonly latencyMs?: number };

type HandlerResult = ChatResponse | FailedResponse | undefined;

/** Returns the response to a request, or undefined for the default one. A promise delays the response. */
export type Handler = (request: ServerRequest) => HandlerResult | Promise<HandlerResult>;

/** One request and what happened to it. */
export interface LoggedRequest extends ServerRequest {
  /** Arrival, in milliseconds on the monotonic clock. */
  readonly arrivedAt: number;
  /** True if an HTTP response of any status was sent completely. */
  answered: boolean;
  /** True if the client disconnected before that. */
  abandoned: boolean;
}

export interface OpenAiServer {
  /** E.g. `http://127.0.0.1:34567/v1`, for the setting `baseUrl`. */
  readonly baseUrl: string;
  /** Every chat request so far, in order of arrival. */
  readonly requests: readonly LoggedRequest[];
  /** Maximum number of requests that were open at the same time. */
  readonly peakConcurrency: number;
  setHandler(handler: Handler): void;
  /** Waits until this number of requests has arrived in total. */
  waitForRequests(count: number): Promise<void>;
  /** Waits until no request is open. */
  waitUntilIdle(): Promise<void>;
  /** Closes every connection and stops the server. */
  close(): Promise<void>;
}

/**
 * Starts an OpenAI-compatible HTTP server on 127.0.0.1: `POST /v1/chat/completions`, with or without streaming.
 *
 * The default handler responds as the role should: an answer to the instruction, a review whose critique is unique to answer
 * and reviewer, or an instruction that is new for every conversation.
 *
 * @example
 * ```ts
 * const server = await startOpenAiServer(({ role, index }) => (role === "reviewer" && index < 2 ? { status: 500 } : undefined));
 * ```
 */
export async function startOpenAiServer(handler: Handler = () => undefined): Promise<OpenAiServer> {
  const requests: LoggedRequest[] = [];
  const changes = new EventTarget();
  let currentHandler = handler;
  let open = 0;
  let peak = 0;

  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: ChatBody = JSON.parse(await readText(incoming));
    const request: LoggedRequest = {
      body,
      role: getRequestRole(body),
      index: requests.length,
      headers: incoming.headers,
      url: incoming.url ?? "",
      arrivedAt: performance.now(),
      answered: false,
      abandoned: false,
    };
    requests.push(request);
    peak = Math.max(peak, ++open);
    response.once("close", () => {
      open--;
      request.answered = response.writableFinished;
      request.abandoned = !response.writableFinished;
      changes.dispatchEvent(new Event("change"));
    });
    changes.dispatchEvent(new Event("change"));
    await sendResult(request, (await currentHandler(request)) ?? {}, response);
  }

  const server = createServer((incoming, response) => {
    if (incoming.method !== "POST" || incoming.url?.split("?", 1)[0] !== "/v1/chat/completions") {
      sendHttp(response, 404, {}, { error: { message: `no such route: ${incoming.method} ${incoming.url}` } });
      return;
    }
    // An error in a test's handler becomes a status that no endpoint uses, so that it is noticed.
    respond(incoming, response).catch((error: unknown) =>
      sendHttp(response, 418, {}, { error: { message: `test handler failed: ${String(error)}` } }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");

  async function waitUntil(condition: () => boolean): Promise<void> {
    while (!condition()) await once(changes, "change");
  }

  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    requests,
    get peakConcurrency() {
      return peak;
    },
    setHandler: (next) => {
      currentHandler = next;
    },
    waitForRequests: (count) => waitUntil(() => requests.length >= count),
    waitUntilIdle: () => waitUntil(() => open === 0),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function sendResult(request: ServerRequest, result: ChatResponse | FailedResponse, response: ServerResponse): Promise<void> {
  if ("latencyMs" in result && result.latencyMs) await delay(result.latencyMs);
  if ("status" in result)
    return sendHttp(response, result.status, result.headers ?? {}, result.body ?? { error: { message: `status ${result.status}` } });
  if ("hang" in result) return result.hang === "body" ? sendHalf(request, response) : undefined;
  if ("reset" in result) {
    if (result.reset === "body") sendHalf(request, response, () => response.destroy());
    else response.destroy();
    return;
  }
  const hasDefaultContent = result.content === undefined && result.refusal === undefined;
  const completion = { ...result, content: hasDefaultContent ? createDefaultContent(request) : (result.content ?? null) };
  if (!request.body.stream) return sendHttp(response, 200, {}, createChatCompletion(request, completion));
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of createChatCompletionEvents(request, completion)) response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.end("data: [DONE]\n\n");
}

function sendHttp(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function sendHalf(request: ServerRequest, response: ServerResponse, onSent?: () => void): void {
  const completion = { content: createDefaultContent(request) };
  const text = request.body.stream
    ? createChatCompletionEvents(request, completion)
        .slice(0, 2)
        .map((event) => `data: ${JSON.stringify(event)}\n\n`)
        .join("")
    : JSON.stringify(createChatCompletion(request, completion)).slice(0, 60);
  response.writeHead(200, { "content-type": request.body.stream ? "text/event-stream" : "application/json" });
  response.write(text, onSent);
}

async function readText(incoming: IncomingMessage): Promise<string> {
  incoming.setEncoding("utf8");
  let text = "";
  for await (const chunk of incoming) text += chunk;
  return text;
}
