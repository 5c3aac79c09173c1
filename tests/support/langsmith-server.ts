import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { gunzipSync } from "node:zlib";

import {
  type ReceivedExample,
  type ReceivedFeedback,
  type ReceivedRun,
  getPostedRunIds,
  mergeRuns,
  parseExamples,
  parseFeedback,
  parseFormFields,
} from "./langsmith-wire.js";

export type { ReceivedRun };

/** Behavior of the server: accepts everything, never responds, or responds with an error status. */
export type LangSmithMode = "ok" | "hang" | 500 | 401 | 429;

export interface LangSmithRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface LangSmithServer {
  /** Value for LANGSMITH_ENDPOINT. */
  readonly url: string;
  /** All requests so far, decoded. */
  readonly requests: readonly LangSmithRequest[];
  setMode(mode: LangSmithMode): void;
  /** Returns all runs, with their parts merged by id as LangSmith does. */
  getRuns(): ReceivedRun[];
  /** Returns the ids of all created runs, with repetitions. */
  getPostedRunIds(): string[];
  /** Returns the feedback. The same id twice is one entry. */
  getFeedback(): ReceivedFeedback[];
  /** Returns the examples of a dataset by its name. */
  getExamples(dataset: string): ReceivedExample[];
  /** Resolves when the condition holds, which is checked after every request. */
  waitUntil(condition: () => boolean): Promise<void>;
  /** Returns everything that was sent, decoded, without the headers. */
  getSentText(): string;
  close(): Promise<void>;
}

/** Capabilities of the server: multipart uploads, no compression. */
const serverInfo = {
  version: "0.18.0",
  batch_ingest_config: { use_multipart_endpoint: true, size_limit: 100, size_limit_bytes: 20_971_520 },
  instance_flags: { dataset_examples_multipart_enabled: true },
};

/** Starts a LangSmith server on 127.0.0.1 that decodes what the real SDK sends. */
export async function startLangSmithServer(initialMode: LangSmithMode = "ok"): Promise<LangSmithServer> {
  const requests: LangSmithRequest[] = [];
  const projects = new Map<string, string>();
  const datasets = new Map<string, { id: string; examples: Map<string, ReceivedExample> }>();
  const changes = new EventTarget();
  let mode = initialMode;

  function getOrCreateProject(name: string): { id: string; name: string } {
    const id = projects.get(name) ?? crypto.randomUUID();
    projects.set(name, id);
    return { id, name };
  }

  function respond(request: LangSmithRequest): [status: number, body: unknown] {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const route = `${request.method} ${pathname}`;
    const name = searchParams.get("name") ?? "";
    if (route === "GET /info") return [200, serverInfo];
    if (route === "POST /runs/multipart" || route === "POST /runs/batch" || route === "POST /feedback") return [202, {}];
    if (route === "GET /sessions") return [200, projects.has(name) ? [getOrCreateProject(name)] : []];
    if (route === "POST /sessions") return [200, getOrCreateProject(String(request.fields.name))];
    if (route === "GET /datasets") {
      const existing = datasets.get(name);
      return [200, existing ? [{ id: existing.id, name }] : []];
    }
    if (route === "POST /datasets") {
      const created = { id: crypto.randomUUID(), examples: new Map<string, ReceivedExample>() };
      datasets.set(String(request.fields.name), created);
      return [200, { id: created.id, name: request.fields.name }];
    }
    const dataset = [...datasets.values()].find(
      ({ id }) => pathname === `/v1/platform/datasets/${id}/examples` || searchParams.get("dataset") === id,
    );
    if (dataset && route === "GET /examples") {
      const existingIds = searchParams.getAll("id").filter((id) => dataset.examples.has(id));
      return [200, existingIds.slice(Number(searchParams.get("offset"))).map((id) => ({ id }))];
    }
    if (dataset && request.method === "POST") {
      const created = parseExamples(request.fields);
      if (created.some(({ id }) => dataset.examples.has(id))) return [409, { detail: "an example with this id exists" }];
      for (const example of created) dataset.examples.set(example.id, example);
      return [201, { count: created.length, example_ids: created.map(({ id }) => id) }];
    }
    return [404, { detail: `no such route: ${route}` }];
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request: LangSmithRequest = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      headers: incoming.headers,
      fields: await readFields(incoming),
    };
    requests.push(request);
    if (mode !== "hang") {
      const [status, body] = mode === "ok" ? respond(request) : [mode, { detail: `status ${mode}` }];
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    }
    changes.dispatchEvent(new Event("change"));
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");

  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    setMode: (next) => {
      mode = next;
    },
    getRuns: () => mergeRuns(requests.map(({ fields }) => fields)),
    getPostedRunIds: () => getPostedRunIds(requests.map(({ fields }) => fields)),
    getFeedback: () => parseFeedback(requests),
    getExamples: (name) => [...(datasets.get(name)?.examples.values() ?? [])],
    waitUntil: async (condition) => {
      while (!condition()) await once(changes, "change");
    },
    getSentText: () => JSON.stringify(requests.map(({ method, url, fields }) => ({ method, url, fields }))),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Returns a URL at which no server listens. */
export async function getRefusedUrl(): Promise<string> {
  const { url, close } = await startLangSmithServer();
  await close();
  return url;
}

async function readFields(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const body = incoming.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
  const type = incoming.headers["content-type"] ?? "";
  if (body.length === 0) return {};
  return type.startsWith("multipart/") ? parseFormFields(body, type) : JSON.parse(body.toString());
}
