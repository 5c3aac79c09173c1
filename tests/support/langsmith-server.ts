import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { gunzipSync } from "node:zlib";

import { type ReceivedExample, type ReceivedFeedback, type ReceivedRun, examplesOf, feedbackOf, formFields, mergeRuns } from "./langsmith-wire.js";

export type { ReceivedExample, ReceivedFeedback, ReceivedRun };

/** How the server behaves: takes everything, takes a request and never answers, or refuses with a status. */
export type LangSmithMode = "ok" | "hang" | 500 | 401 | 429;

export interface LangSmithRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface LangSmithServer {
  /** For LANGSMITH_ENDPOINT. */
  readonly url: string;
  /** Every request so far, decoded. */
  readonly requests: readonly LangSmithRequest[];
  setMode(mode: LangSmithMode): void;
  /** Every run received, its parts merged by id as LangSmith does. */
  runs(): ReceivedRun[];
  /** Feedback by id: the same id twice is one. */
  feedback(): ReceivedFeedback[];
  /** Examples of a dataset by name. */
  examples(dataset: string): ReceivedExample[];
  /** Resolves once the condition holds; it is looked at after every request. */
  until(condition: () => boolean): Promise<void>;
  /** All that was sent, bodies decoded, credentials of the requests themselves left out. */
  everything(): string;
  close(): Promise<void>;
}

/** What LangSmith says of itself: multipart ingest, no compression. */
const info = {
  version: "0.18.0",
  batch_ingest_config: { use_multipart_endpoint: true, size_limit: 100, size_limit_bytes: 20_971_520 },
  instance_flags: { dataset_examples_multipart_enabled: true },
};

/** A LangSmith on 127.0.0.1 for tests: it decodes what the real SDK sends. */
export async function startLangSmithServer(initial: LangSmithMode = "ok"): Promise<LangSmithServer> {
  const requests: LangSmithRequest[] = [];
  const projects = new Map<string, string>();
  const datasets = new Map<string, { id: string; examples: Map<string, ReceivedExample> }>();
  const changes = new EventTarget();
  let mode = initial;

  function named(kind: Map<string, string>, name: string): { id: string; name: string } {
    const id = kind.get(name) ?? crypto.randomUUID();
    kind.set(name, id);
    return { id, name };
  }

  function answer(request: LangSmithRequest): [status: number, body: unknown] {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const route = `${request.method} ${pathname}`;
    const name = searchParams.get("name") ?? "";
    if (route === "GET /info") return [200, info];
    if (route === "POST /runs/multipart" || route === "POST /runs/batch" || route === "POST /feedback") return [202, {}];
    if (route === "GET /sessions") return [200, projects.has(name) ? [named(projects, name)] : []];
    if (route === "POST /sessions") return [200, named(projects, String(request.fields.name))];
    if (route === "GET /datasets") {
      const found = datasets.get(name);
      return [200, found ? [{ id: found.id, name }] : []];
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
      const wanted = searchParams.getAll("id").filter((id) => dataset.examples.has(id));
      return [200, wanted.slice(Number(searchParams.get("offset"))).map((id) => ({ id }))];
    }
    if (dataset && request.method === "POST") {
      const created = examplesOf(request.fields);
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
      const [status, body] = mode === "ok" ? answer(request) : [mode, { detail: `status ${mode}` }];
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
    runs: () => mergeRuns(requests.map(({ fields }) => fields)),
    feedback: () => feedbackOf(requests),
    examples: (name) => [...(datasets.get(name)?.examples.values() ?? [])],
    until: async (condition) => {
      while (!condition()) await once(changes, "change");
    },
    everything: () => JSON.stringify(requests.map(({ method, url, fields }) => ({ method, url, fields }))),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The address of a port at which nobody listens. */
export async function refusedUrl(): Promise<string> {
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
  return type.startsWith("multipart/") ? formFields(body, type) : JSON.parse(body.toString());
}
