import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";

import { Agent, request } from "undici";

/** Headers that OpenAI's client may send. Whatever else it picked up from the environment stays here. */
const allowedHeaders = ["accept", "content-type", "user-agent"];

/**
 * What OpenAI's client takes for `fetch`. It alone knows the key and the base URL's query, so that neither can show up in a
 * model's fields, in traces or in logs. Redirects are not followed: a key and a prompt go where the settings say. Under it
 * is undici's `request`, at about half of what a call through `fetch` costs the processor.
 */
export function createTransport(key: string, query: URLSearchParams): typeof fetch {
  // By itself undici gives up after five minutes without headers; how long to wait is the timeout setting's business.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    query.forEach((value, name) => url.searchParams.append(name, value));
    const given = new Headers(init?.headers);
    const allowed = allowedHeaders.map((name) => [name, given.get(name) ?? ""]);
    const headers = { authorization: `Bearer ${key}`, ...Object.fromEntries(allowed) };
    const {
      statusCode,
      headers: answered,
      body,
    } = await request(url, { method: "POST", headers, body: getText(init?.body), signal: init?.signal, dispatcher });
    const head = { status: statusCode, headers: toHeaders(answered) };
    if (statusCode >= 200 && statusCode < 300) {
      const streamed = head.headers.get("content-type")?.startsWith("text/event-stream");
      return new Response(streamed ? Readable.toWeb(body) : (await body.text()) || null, head);
    }
    return withReadableError(await body.text(), head);
  };
}

/** Puts an error body of any shape into the one that OpenAI's client reads: others would lose their message there. */
function withReadableError(text: string, head: ResponseInit): Response {
  const error = { message: text, ...parseErrorBody(text) };
  return Response.json({ error }, head);
}

function parseErrorBody(text: string): Record<string, unknown> | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: the text itself is the message.
    return undefined;
  }
  const outer = getFields(body);
  const inner = getFields(outer.error);
  const message = inner.message ?? outer.message ?? outer.detail ?? outer.error ?? body;
  return { message: typeof message === "string" ? message : JSON.stringify(message), code: inner.code, type: inner.type };
}

function getFields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function getText(body: RequestInit["body"]): string {
  if (typeof body === "string") return body;
  throw new TypeError("OpenAI's client sends JSON as text");
}

function toHeaders(received: IncomingHttpHeaders): Headers {
  const lines = Object.entries(received).flatMap(([name, value]) => [value ?? []].flat().map((line): [string, string] => [name, line]));
  return new Headers(lines);
}
