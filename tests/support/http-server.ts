import { once } from "node:events";
import { type IncomingHttpHeaders, createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A request of any protocol. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query; absolute for a request through a proxy. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed body; an empty object if it is not JSON. */
  readonly body: Record<string, unknown>;
}

/** What a handler answers. An object is sent as JSON, a string unchanged. */
export interface HttpReply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
  readonly latencyMs?: number;
}

export interface HttpServer {
  /** E.g. `http://127.0.0.1:34567`. */
  readonly origin: string;
  readonly port: number;
  readonly requests: readonly HttpRequest[];
  setHandler(handler: (request: HttpRequest) => HttpReply): void;
  close(): Promise<void>;
}

/** Starts an HTTP server on 127.0.0.1 for endpoints with protocols of their own. */
export async function startHttpServer(handler: (request: HttpRequest) => HttpReply, port = 0): Promise<HttpServer> {
  const requests: HttpRequest[] = [];
  let currentHandler = handler;
  const server = createServer((incoming, response) => {
    let text = "";
    incoming.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    incoming.on("end", () => {
      const request = { method: incoming.method ?? "", url: incoming.url ?? "", headers: incoming.headers, body: parseObject(text) };
      requests.push(request);
      const { status = 200, headers = {}, body, latencyMs = 0 } = currentHandler(request);
      setTimeout(() => {
        response.writeHead(status, { "content-type": "application/json", ...headers });
        response.end(typeof body === "string" ? body : JSON.stringify(body));
      }, latencyMs);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    setHandler: (next) => {
      currentHandler = next;
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? { ...body } : {};
  } catch {
    return {};
  }
}
