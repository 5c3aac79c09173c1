import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";

import { v7 as createRunId } from "@langchain/core/utils/uuid";
import { afterEach, expect, test } from "vitest";

import { createRedactor } from "../../src/redaction.js";
import { LangSmithFetch } from "../../src/tracing/langsmith-fetch.js";
import { TraceClient } from "../../src/tracing/trace-client.js";
import { startLangSmithServer } from "../support/langsmith-server.js";
import { createTracingEnv } from "../support/traced-conversation.js";

const openServers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(openServers.splice(0).map((server) => server.close()));
});

type Respond = (request: IncomingMessage, response: ServerResponse, index: number) => void;

/** Starts a server. `bodies` holds the bodies of its requests. */
async function startServer(respond: Respond) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      bodies.push(body);
      respond(request, response, bodies.length - 1);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  openServers.push({
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  });
  return { url: `http://127.0.0.1:${address.port}`, bodies };
}

/** Responds with these statuses in order, and with the last one from then on. */
function respondWith(...statuses: readonly number[]): Respond {
  return (_request, response, index) => {
    response.writeHead(statuses[Math.min(index, statuses.length - 1)] ?? 200);
    response.end("{}");
  };
}

/** Uploads a streamed body, as the SDK does. */
function uploadRuns(langsmithFetch: LangSmithFetch, url: string): Promise<Response> {
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode("the runs"));
      controller.close();
    },
  });
  const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
  return langsmithFetch.fetch(`${url}/runs/multipart`, init);
}

function createRun(text: string) {
  const id = createRunId();
  return { id, trace_id: id, dotted_order: `20260101T000000000001Z${id}`, name: "run", run_type: "chain", inputs: { text }, project_name: "p" };
}

test("a failed upload is retried with its whole body, although the body is a stream", async () => {
  const { url, bodies } = await startServer(respondWith(503, 500, 202));
  const langsmithFetch = new LangSmithFetch({ retryDelaysMs: [0, 0] });
  expect((await uploadRuns(langsmithFetch, url)).status).toBe(202);
  expect(bodies).toEqual(["the runs", "the runs", "the runs"]);
  expect(langsmithFetch.failedUploadCount).toBe(0);
});

test("a server that keeps failing gets no requests during the cooldown", async () => {
  const { url, bodies } = await startServer(respondWith(500, 500, 200));
  const reasons: string[] = [];
  const langsmithFetch = new LangSmithFetch({ retryDelaysMs: [0], cooldownMs: 600_000, onFailure: (reason) => reasons.push(reason) });
  expect((await uploadRuns(langsmithFetch, url)).ok).toBe(true);
  expect([langsmithFetch.failedUploadCount, langsmithFetch.failureReason, bodies.length]).toEqual([1, "it answered 500", 2]);
  await uploadRuns(langsmithFetch, url);
  expect((await langsmithFetch.fetch(`${url}/feedback`, { method: "POST", body: "{}" })).status).toBe(424);
  expect(await (await langsmithFetch.fetch(`${url}/info`)).json()).toEqual({});
  expect([langsmithFetch.failedUploadCount, bodies.length, reasons]).toEqual([2, 2, ["it answered 500"]]);
});

test("a server that failed gets requests again after the cooldown", async () => {
  const { url } = await startServer(respondWith(500, 500, 200));
  const langsmithFetch = new LangSmithFetch({ retryDelaysMs: [0], cooldownMs: 0 });
  await uploadRuns(langsmithFetch, url);
  expect((await uploadRuns(langsmithFetch, url)).status).toBe(200);
  expect(langsmithFetch.failedUploadCount).toBe(1);
});

test("an upload that is refused for its content does not stop the next upload", async () => {
  const { url, bodies } = await startServer(respondWith(422, 413, 202));
  const langsmithFetch = new LangSmithFetch();
  for (let uploads = 0; uploads < 3; uploads++) expect((await uploadRuns(langsmithFetch, url)).ok).toBe(true);
  expect([langsmithFetch.failedUploadCount, langsmithFetch.failureReason, bodies.length]).toEqual([2, "it answered 413", 3]);
});

test("a server that stops in the middle of its response times out", async () => {
  const { url } = await startServer((_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("{");
  });
  const langsmithFetch = new LangSmithFetch({ timeoutMs: 100 });
  expect((await uploadRuns(langsmithFetch, url)).ok).toBe(true);
  expect([langsmithFetch.failedUploadCount, langsmithFetch.failureReason]).toEqual([1, "no answer within 0.1 s"]);
});

test("closing aborts the request in progress and sends no more", async () => {
  const requests = new EventTarget();
  const { url, bodies } = await startServer(() => requests.dispatchEvent(new Event("request")));
  const langsmithFetch = new LangSmithFetch();
  const uploading = uploadRuns(langsmithFetch, url);
  await once(requests, "request");
  langsmithFetch.close();
  expect((await uploading).ok).toBe(true);
  await uploadRuns(langsmithFetch, url);
  expect([langsmithFetch.failedUploadCount, bodies.length, langsmithFetch.failureReason]).toEqual([2, 1, "it did not answer before the end"]);
});

test("a server without multipart uploads gets its runs as JSON", async () => {
  const { url, bodies } = await startServer((request, response) => {
    response.writeHead(request.url?.endsWith("/multipart") ? 404 : 202);
    response.end("{}");
  });
  const client = new TraceClient({ env: createTracingEnv(url), project: "p", redactor: createRedactor({}) });
  await client.createRun(createRun("an old server"));
  expect(await client.close(10_000)).toMatchObject({ traces: 0 });
  expect(bodies.some((body) => body.startsWith('{"post":[{') && body.includes("an old server"))).toBe(true);
});

test("runs that exceed the memory limit are dropped at once", async () => {
  const server = await startLangSmithServer();
  openServers.push(server);
  const client = new TraceClient({ env: createTracingEnv(server.url), project: "p", redactor: createRedactor({}) });
  // All at once, so that nothing can be sent in between.
  await Promise.all(Array.from({ length: 40 }, () => client.createRun(createRun("x".repeat(1024 * 1024)))));
  const { traces } = await client.close(60_000);
  expect(traces).toBeGreaterThan(20);
  expect(traces).toBeLessThan(30);
  expect(server.getPostedRunIds()).toHaveLength(40 - traces);
});
