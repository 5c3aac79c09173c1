import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";

import { v7 as newRunId } from "@langchain/core/utils/uuid";
import { afterEach, expect, test } from "vitest";

import { LangSmithFetch } from "../../src/tracing/langsmith-fetch.js";
import { createRedactor } from "../../src/redaction.js";
import { TraceClient } from "../../src/tracing/trace-client.js";
import { startLangSmithServer } from "../support/langsmith-server.js";
import { tracingEnv } from "../support/traced-conversation.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

type Answer = (request: IncomingMessage, response: ServerResponse, index: number) => void;

/** A server whose nth answer is up to the test; `bodies` holds what it was sent. */
async function serve(answer: Answer) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      bodies.push(body);
      answer(request, response, bodies.length - 1);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  open.push({
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  });
  return { url: `http://127.0.0.1:${address.port}`, bodies };
}

function status(...codes: readonly number[]): Answer {
  return (_request, response, index) => {
    response.writeHead(codes[Math.min(index, codes.length - 1)] ?? 200);
    response.end("{}");
  };
}

function upload(connection: LangSmithFetch, url: string): Promise<Response> {
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode("the runs"));
      controller.close();
    },
  });
  const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
  return connection.fetch(`${url}/runs/multipart`, init);
}

test("an upload that failed is made again, whole, though its body was a stream", async () => {
  const { url, bodies } = await serve(status(503, 500, 202));
  const connection = new LangSmithFetch({ pauses: [0, 0] });
  expect((await upload(connection, url)).status).toBe(202);
  expect(bodies).toEqual(["the runs", "the runs", "the runs"]);
  expect(connection.failures).toBe(0);
});

test("a server that keeps failing is left alone, and tried again after a rest", async () => {
  const { url, bodies } = await serve(status(500, 500, 200));
  const troubles: string[] = [];
  const options = { pauses: [0], onFailure: (reason: string) => troubles.push(reason) };
  const resting = new LangSmithFetch({ ...options, cooldownMs: 600_000 });
  expect((await upload(resting, url)).ok).toBe(true);
  expect([resting.failures, resting.reason, bodies.length]).toEqual([1, "it answered 500", 2]);
  await upload(resting, url);
  expect((await resting.fetch(`${url}/feedback`, { method: "POST", body: "{}" })).status).toBe(424);
  expect(await (await resting.fetch(`${url}/info`)).json()).toEqual({});
  expect([resting.failures, bodies.length, troubles]).toEqual([2, 2, ["it answered 500"]]);

  const { url: again } = await serve(status(500, 500, 200));
  const rested = new LangSmithFetch({ ...options, cooldownMs: 0 });
  await upload(rested, again);
  expect((await upload(rested, again)).status).toBe(200);
  expect(rested.failures).toBe(1);
});

test("what is wrong with one upload is no reason to stop the next", async () => {
  const { url, bodies } = await serve(status(422, 413, 202));
  const connection = new LangSmithFetch();
  for (let uploads = 0; uploads < 3; uploads++) expect((await upload(connection, url)).ok).toBe(true);
  expect([connection.failures, connection.reason, bodies.length]).toEqual([2, "it answered 413", 3]);
});

test("a server that stops in the middle of its answer is given up like one that says nothing", async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("{");
  });
  const connection = new LangSmithFetch({ timeoutMs: 100 });
  expect((await upload(connection, url)).ok).toBe(true);
  expect([connection.failures, connection.reason]).toEqual([1, "no answer within 0.1 s"]);
});

test("cutting ends what is under way, and nothing goes out any more", async () => {
  const asked = new EventTarget();
  const { url, bodies } = await serve(() => asked.dispatchEvent(new Event("asked")));
  const connection = new LangSmithFetch();
  const uploading = upload(connection, url);
  await once(asked, "asked");
  connection.close();
  expect((await uploading).ok).toBe(true);
  await upload(connection, url);
  expect([connection.failures, bodies.length, connection.reason]).toEqual([2, 1, "it did not answer before the end"]);
});

test("a server without multipart uploads gets its runs the other way", async () => {
  const { url, bodies } = await serve((request, response) => {
    response.writeHead(request.url?.endsWith("/multipart") ? 404 : 202);
    response.end("{}");
  });
  const client = new TraceClient({ env: tracingEnv(url), project: "p", scrubber: createRedactor({}) });
  await client.createRun(findRunId("an old server"));
  expect(await client.close(10_000)).toMatchObject({ traces: 0 });
  expect(bodies.some((body) => body.startsWith('{"post":[{') && body.includes("an old server"))).toBe(true);
});

test("what is more than can be held is dropped at once, not piled up", async () => {
  const server = await startLangSmithServer();
  open.push(server);
  const client = new TraceClient({ env: tracingEnv(server.url), project: "p", scrubber: createRedactor({}) });
  // All at once: nothing can be sent in between.
  await Promise.all(Array.from({ length: 40 }, () => client.createRun(findRunId("x".repeat(1024 * 1024)))));
  const { traces } = await client.close(60_000);
  expect(traces).toBeGreaterThan(20);
  expect(traces).toBeLessThan(30);
  expect(server.requests.flatMap(({ fields }) => Object.keys(fields)).filter((name) => /^post\.[0-9a-f-]+$/.test(name))).toHaveLength(40 - traces);
});

function findRunId(text: string) {
  const id = newRunId();
  return { id, trace_id: id, dotted_order: `20260101T000000000001Z${id}`, name: "run", run_type: "chain", inputs: { text }, project_name: "p" };
}
