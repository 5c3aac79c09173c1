import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { defaultAnswer } from "./openai-answers.js";
import { type ConversationRole, type ChatBody, chatCompletion, chatCompletionEvents, roleOf } from "./openai-wire.js";

export type { ChatBody };

/** A request as a handler sees it. */
export interface ServerRequest {
  readonly body: ChatBody;
  /** Who asks: told from the response_format's name, or from the prompt's own words where the request is plain. */
  readonly role: ConversationRole;
  /** 0 for the first request that this server got, counting every retry. */
  readonly index: number;
  readonly headers: IncomingHttpHeaders;
  /** Path and query. */
  readonly url: string;
}

/** A completion. What is left out is filled in: no content is the default answer, usage is counted from the texts. */
export interface Reply {
  readonly content?: string | null;
  /** Sent as `reasoning_content`. */
  readonly thinking?: string;
  readonly refusal?: string;
  readonly finish?: "stop" | "length" | "content_filter";
  /** Null: the endpoint says nothing of tokens. */
  readonly usage?: Record<string, unknown> | null;
  /** Model name in the reply; the one asked for by default. */
  readonly model?: string;
  readonly latencyMs?: number;
}

/** Anything but a completion. */
export type Fault =
  /** An HTTP answer as it stands: an object is sent as JSON, a string as it is. Status 200 with a string is a broken body. */
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown; readonly latencyMs?: number }
  /** Never answers; `body`: stops after the headers and half of the body. */
  | { readonly hang: true | "body" }
  /** Destroys the socket; `body`: in the middle of the body. */
  | { readonly reset: true | "body"; readonly latencyMs?: number };

/** Decides what a request gets; undefined is the default answer. May be async: a promise holds the answer back. */
export type Handler = (request: ServerRequest) => Reply | Fault | undefined | Promise<Reply | Fault | undefined>;

/** What happened to one request. */
export interface LoggedRequest extends ServerRequest {
  /** Arrival, in milliseconds on the monotonic clock. */
  readonly arrivedAt: number;
  /** Whether an HTTP answer of any status was sent to its end. */
  answered: boolean;
  /** Whether the client went away before that. */
  abandoned: boolean;
}

export interface OpenAiServer {
  /** E.g. `http://127.0.0.1:34567/v1`: goes straight into the `baseUrl` setting. */
  readonly baseUrl: string;
  /** Every chat request so far, in order of arrival. */
  readonly requests: readonly LoggedRequest[];
  /** Most requests that were open at the same time. */
  readonly peakConcurrency: number;
  setHandler(handler: Handler): void;
  /** Resolves once `count` requests have arrived in all. */
  arrived(count: number): Promise<void>;
  /** Resolves once no request is open any more. */
  idle(): Promise<void>;
  /** Cuts every connection and stops. */
  close(): Promise<void>;
}

/**
 * A real OpenAI-compatible HTTP server on 127.0.0.1 for tests: `POST /v1/chat/completions`, plain or streamed. Without a
 * handler it answers sensibly by role: an answer that follows from the instruction, a review whose critique is unique to
 * answer and reviewer, an instruction that is new for every conversation.
 *
 * @example
 * const server = await startOpenAiServer(({ role, index }) => (role === "reviewer" && index < 2 ? { status: 500 } : undefined));
 */
export async function startOpenAiServer(handler: Handler = () => undefined): Promise<OpenAiServer> {
  const requests: LoggedRequest[] = [];
  const changes = new EventTarget();
  let current = handler;
  let open = 0;
  let peak = 0;

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: ChatBody = JSON.parse(await readText(incoming));
    const request: LoggedRequest = {
      body,
      role: roleOf(body),
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
    await respond(request, (await current(request)) ?? {}, response);
  }

  const server = createServer((incoming, response) => {
    if (incoming.method !== "POST" || incoming.url?.split("?", 1)[0] !== "/v1/chat/completions") {
      sendHttp(response, 404, {}, { error: { message: `no such route: ${incoming.method} ${incoming.url}` } });
      return;
    }
    // A fault of a test's own handler must be seen, not hang: it goes out as a status no endpoint uses.
    answer(incoming, response).catch((error: unknown) =>
      sendHttp(response, 418, {}, { error: { message: `test handler failed: ${String(error)}` } }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(changes, "change");
  }

  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    requests,
    get peakConcurrency() {
      return peak;
    },
    setHandler: (next) => {
      current = next;
    },
    arrived: (count) => until(() => requests.length >= count),
    idle: () => until(() => open === 0),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function respond(request: ServerRequest, outcome: Reply | Fault, response: ServerResponse): Promise<void> {
  if ("latencyMs" in outcome && outcome.latencyMs) await delay(outcome.latencyMs);
  if ("status" in outcome)
    return sendHttp(response, outcome.status, outcome.headers ?? {}, outcome.body ?? { error: { message: `status ${outcome.status}` } });
  if ("hang" in outcome) return outcome.hang === "body" ? sendHalf(request, response) : undefined;
  if ("reset" in outcome) {
    if (outcome.reset === "body") sendHalf(request, response, () => response.destroy());
    else response.destroy();
    return;
  }
  const reply = {
    ...outcome,
    content: outcome.content === undefined && outcome.refusal === undefined ? defaultAnswer(request) : (outcome.content ?? null),
  };
  if (!request.body.stream) return sendHttp(response, 200, {}, chatCompletion(request, reply));
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of chatCompletionEvents(request, reply)) response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.end("data: [DONE]\n\n");
}

function sendHttp(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function sendHalf(request: ServerRequest, response: ServerResponse, then?: () => void): void {
  const reply = { content: defaultAnswer(request) };
  const text = request.body.stream
    ? chatCompletionEvents(request, reply)
        .slice(0, 2)
        .map((event) => `data: ${JSON.stringify(event)}\n\n`)
        .join("")
    : JSON.stringify(chatCompletion(request, reply)).slice(0, 60);
  response.writeHead(200, { "content-type": request.body.stream ? "text/event-stream" : "application/json" });
  response.write(text, then);
}

async function readText(incoming: IncomingMessage): Promise<string> {
  incoming.setEncoding("utf8");
  let text = "";
  for await (const piece of incoming) text += piece;
  return text;
}
