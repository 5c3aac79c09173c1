import { Agent } from "undici";

/** Headers that OpenAI's client may send. Whatever else it picked up from the environment stays here. */
const allowedHeaders = ["accept", "content-type", "user-agent"];

/**
 * The `fetch` under OpenAI's client. It alone knows the key and the base URL's query, so that neither can show up in a
 * model's fields, in traces or in logs. Redirects are not followed: a key and a prompt go where the settings say.
 */
export function createTransport(key: string, query: URLSearchParams): typeof fetch {
  // By itself fetch gives up after five minutes without headers; how long to wait is the timeout setting's business.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    query.forEach((value, name) => url.searchParams.append(name, value));
    const given = new Headers(init?.headers);
    const headers = new Headers({ authorization: `Bearer ${key}` });
    for (const name of allowedHeaders) headers.set(name, given.get(name) ?? "");
    const response = await fetch(url, { ...init, headers, redirect: "manual", dispatcher });
    return response.ok ? response : withReadableError(response);
  };
}

/** Puts an error body of any shape into the one that OpenAI's client reads: others would lose their message there. */
async function withReadableError(response: Response): Promise<Response> {
  const text = await response.text();
  const error = { message: text, ...complaintIn(text) };
  return Response.json({ error }, { status: response.status, headers: response.headers });
}

function complaintIn(text: string): Record<string, unknown> | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: the text itself is the message.
    return undefined;
  }
  const outer = fieldsOf(body);
  const inner = fieldsOf(outer.error);
  const message = inner.message ?? outer.message ?? outer.detail ?? outer.error ?? body;
  return { message: typeof message === "string" ? message : JSON.stringify(message), code: inner.code, type: inner.type };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
