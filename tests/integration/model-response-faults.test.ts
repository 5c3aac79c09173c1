import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { createServer } from "node:http";
import { once } from "node:events";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ModelCallError } from "../../src/errors.js";
import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import { isPossiblyCharged } from "../../src/model-calls/budget/max-usage.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { getRejection } from "../support/get-rejection.js";
import { callInStreamedGraph, createRequest, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const text = "Because of scattering.";
const header = { id: "chatcmpl-1", object: "chat.completion", model: "served-model" };
const completion = (choice: object = {}, fields: object = {}) => ({
  ...header,
  choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop", ...choice }],
  ...fields,
});
const event = (delta: object, choice: object = {}) => ({ ...header, choices: [{ index: 0, delta, finish_reason: null, ...choice }] });
const toEvents = (...events: readonly (object | string)[]) =>
  events.map((data) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`).join("");
const eventStream = { "content-type": "text/event-stream; charset=utf-8" };

/** Makes one attempt, streamed or not. */
function call(isStreamed: boolean, baseUrl = server.baseUrl) {
  const callModel = createModelCaller({ env: testEnv, minDelayMs: 1, maxRetries: 0 });
  return isStreamed ? callInStreamedGraph(callModel, createRequest(baseUrl)) : callModel(createRequest(baseUrl), {});
}

/** Returns the error of one attempt, and whether the budget counts it. */
async function getFault(isStreamed: boolean, baseUrl?: string) {
  const error = await getRejection(call(isStreamed, baseUrl));
  if (!(error instanceof ModelCallError) || !(error.cause instanceof AttemptError)) throw error;
  return { code: error.code, message: error.message, ...error.cause.details, isCharged: isPossiblyCharged(error.cause) };
}

/** Errors that come with status 200 in place of a completion, and what they are. */
const errorsInBody: readonly (readonly [body: unknown, expected: object])[] = [
  [{ error: { code: 402, message: "Insufficient credits" } }, { code: "model_insufficient_quota", status: 402, retryable: false }],
  [{ error: { code: 429, message: "Slow down" } }, { code: "model_rate_limited", status: 429, retryable: true }],
  [{ error: { code: "429", message: "Slow down" } }, { code: "model_rate_limited", status: 429 }],
  [{ error: { code: 503, message: "Busy" } }, { code: "model_unavailable", status: 503, retryable: true }],
  [{ error: { code: 502, message: "Provider returned error" } }, { code: "model_unavailable", status: 502, retryable: true }],
  [{ error: { code: 400, message: "No such field" } }, { status: 400, retryable: false }],
  [{ error: { status: 404, message: "No such model" } }, { code: "model_not_found", status: 404 }],
  [{ error: { type: "rate_limit_error", message: "Slow down" } }, { code: "model_rate_limited", status: 429 }],
  [
    { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
    { code: "model_unavailable", status: 503 },
  ],
  [{ error: { code: "insufficient_quota", message: "No credit" } }, { code: "model_insufficient_quota", status: 402 }],
  [[{ error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "Quota" } }], { code: "model_rate_limited", status: 429 }],
  [
    { object: "error", message: "No such model", type: "NotFoundError", code: 404 },
    { code: "model_not_found", status: 404 },
  ],
  [
    { error: "Busy", status_code: 503 },
    { code: "model_unavailable", status: 503 },
  ],
  [
    { detail: "Not authenticated", code: 401 },
    { code: "model_unauthorized", status: 401 },
  ],
  [{ error: { message: "the request exceeds the available context size", code: 400 } }, { code: "model_context_overflow", retryable: false }],
  [{ error: "Unexpected endpoint or method." }, { code: "model_unavailable", notACompletion: true, retryable: true }],
  [{ error: { message: "Something" } }, { code: "model_unavailable", notACompletion: true }],
  [
    { choices: null, base_resp: { status_code: 1004, status_msg: "login fail" } },
    { code: "model_unavailable", notACompletion: true },
  ],
];

describe.each([
  ["a plain response", false],
  ["a streamed response", true],
])("createModelCaller: %s", (_, isStreamed) => {
  it.each(errorsInBody)("%j with status 200 is that error and costs nothing", async (body, expected) => {
    server.setHandler(() => ({ status: 200, body }));
    expect(await getFault(isStreamed)).toMatchObject({ ...expected, isCharged: false });
  });

  it("an error in a body is reported in the words of the router and the provider behind it", async () => {
    const metadata = { raw: "upstream is on fire", provider_name: "Acme" };
    server.setHandler(() => ({ status: 200, body: { error: { code: 503, message: "Provider returned error", metadata } } }));
    expect((await getFault(isStreamed)).message).toContain(
      "Provider returned error (Acme: upstream is on fire) (reported in a response with status 200)",
    );
  });

  it.each([
    [
      "an HTML page",
      "<!doctype html><title>Login</title>",
      { "content-type": "text/html" },
      '"<!doctype html><title>Login</title>" (status 200, content type text/html)',
      true,
    ],
    ["a sentence", "LM Server is running", { "content-type": "text/plain" }, '"LM Server is running" (status 200, content type text/plain)', true],
    [
      "an error text",
      { error: "Unexpected endpoint or method. (POST /chat/completions)" },
      {},
      "Unexpected endpoint or method. (POST /chat/completions)",
      true,
    ],
    ["another object", { hello: "world" }, {}, 'it is not a chat completion: {"hello":"world"}', true],
    ["half a completion", '{"id": "x", "choi', {}, "is not JSON", false],
    ["an empty body", "", { "content-type": "application/json" }, "empty body (status 200, content type application/json)", false],
  ])("%s is named by what came", async (__, body, headers, words, notACompletion) => {
    server.setHandler(() => ({ status: 200, headers, body }));
    const fault = await getFault(isStreamed);
    expect(fault).toMatchObject({ code: "model_unavailable", retryable: true, message: expect.stringContaining(words) });
    expect(Boolean(fault.notACompletion)).toBe(notACompletion);
  });

  it.each([
    ["stop", "stop"],
    ["eos", "stop"],
    ["COMPLETE", "stop"],
    ["max_output_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["MAX_TOKENS", "length"],
    ["sensitive", "refusal"],
    ["SAFETY", "refusal"],
    ["error", null],
    ["network_error", null],
    ["insufficient_system_resource", null],
    ["tool_calls", null],
    ["gone_fishing", null],
  ])("the finish reason %s means %s", async (reason, finishReason) => {
    const choice = { finish_reason: reason };
    server.setHandler(() =>
      isStreamed
        ? { status: 200, headers: eventStream, body: toEvents(event({ content: text }), event({}, choice), "[DONE]") }
        : { status: 200, body: completion(choice) },
    );
    if (finishReason === null)
      expect(await getFault(isStreamed)).toMatchObject({ code: "model_unavailable", retryable: true, message: expect.stringContaining(reason) });
    else expect(await call(isStreamed)).toMatchObject({ text, finishReason });
  });

  it("a good finish reason beside a native one that is bad counts as the bad one", async () => {
    const choice = { native_finish_reason: "MAX_TOKENS" };
    server.setHandler(() =>
      isStreamed
        ? { status: 200, headers: eventStream, body: toEvents(event({ content: text }), event({}, { finish_reason: "stop", ...choice })) }
        : { status: 200, body: completion(choice) },
    );
    expect(await call(isStreamed)).toMatchObject({ finishReason: "length" });
  });

  it.each([
    ["beside the message", { error: { code: 502, message: "provider disconnected" } }, {}],
    ["beside the choices", {}, { error: { code: 502, message: "provider disconnected" } }],
    ["without a code", { error: { message: "provider disconnected" } }, {}],
  ])("an error %s is a failed attempt that may have been charged", async (__, choice, fields) => {
    server.setHandler(() =>
      isStreamed
        ? {
            status: 200,
            headers: eventStream,
            body: toEvents(event({ content: text }), { ...event({}, choice), ...fields }, event({}, { finish_reason: "stop" })),
          }
        : { status: 200, body: completion(choice, fields) },
    );
    const words = { message: expect.stringContaining("provider disconnected") };
    expect(await getFault(isStreamed)).toMatchObject({ code: "model_unavailable", retryable: true, isCharged: true, ...words });
  });

  it("an event stream is read whether it was asked for or not, and whatever its content type", async () => {
    const body = toEvents(
      event({ role: "assistant", content: "", reasoning_content: "hm" }),
      event({ content: "Because " }),
      event({ content: "of scattering." }),
      event({}, { finish_reason: "stop" }),
      { ...header, choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } },
      "[DONE]",
    );
    for (const headers of [eventStream, { "content-type": "application/json" }, { "content-type": "text/plain" }]) {
      server.setHandler(() => ({ status: 200, headers, body }));
      const expected = { text, reasoning: "hm", finishReason: "stop", usage: { inputTokens: 7, outputTokens: 3 }, model: "served-model" };
      expect(await call(isStreamed)).toMatchObject(expected);
    }
  });

  it("a whole completion is read whether a stream was asked for or not, and whatever its content type", async () => {
    const message = { role: "assistant", content: text, reasoning: "hm" };
    const body = completion({ message, finish_reason: null }, { usage: { prompt_tokens: 7, completion_tokens: 3 } });
    for (const contentType of ["application/json", "text/plain", "text/html; charset=utf-8"]) {
      server.setHandler(() => ({ status: 200, headers: { "content-type": contentType }, body: JSON.stringify(body) }));
      expect(await call(isStreamed)).toMatchObject({ text, reasoning: "hm", finishReason: "stop", usage: { inputTokens: 7, outputTokens: 3 } });
    }
  });

  it("a finish reason that every later event repeats counts once", async () => {
    const end = event({}, { finish_reason: "stop" });
    server.setHandler(() => ({ status: 200, headers: eventStream, body: toEvents(event({ content: text }), end, end, end, "[DONE]") }));
    expect(await call(isStreamed)).toMatchObject({ text, finishReason: "stop" });
  });

  it("an event stream without a finish reason is a failed attempt", async () => {
    for (const headers of [eventStream, { "content-type": "application/json" }]) {
      server.setHandler(() => ({ status: 200, headers, body: toEvents(event({ content: text }), "[DONE]") }));
      expect(await getFault(isStreamed)).toMatchObject({
        code: "model_unavailable",
        retryable: true,
        message: expect.stringContaining("ended before"),
      });
    }
  });

  it.each([
    ["a field of an event", toEvents(event({ content: text }), { error: { code: 429, message: "Slow down" } })],
    ["a named event", `${toEvents(event({ content: text }))}event: error\ndata: {"code": 429, "message": "Slow down"}\n\n`],
  ])("an error as %s of a stream has the status that it names", async (__, body) => {
    server.setHandler(() => ({ status: 200, headers: eventStream, body }));
    expect(await getFault(isStreamed)).toMatchObject({ code: "model_rate_limited", status: 429 });
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
    ["", gzipSync],
  ])("a body that nobody asked to compress is read: %j", async (encoding, compress) => {
    for (const isEventStream of [false, true]) {
      const body = isEventStream ? toEvents(event({ content: text }), event({}, { finish_reason: "stop" }), "[DONE]") : JSON.stringify(completion());
      // A stream that does not say that it is compressed cannot be recognized before it has begun.
      if (isEventStream && encoding === "") continue;
      const raw = createServer((_request, response) => {
        response.writeHead(200, {
          "content-type": isEventStream ? "text/event-stream" : "application/json",
          ...(encoding && { "content-encoding": encoding }),
        });
        response.end(compress(body));
      }).listen(0, "127.0.0.1");
      await once(raw, "listening");
      const address = raw.address();
      if (address === null || typeof address === "string") throw new Error("the server has no port");
      expect(await call(isStreamed, `http://127.0.0.1:${address.port}/v1`)).toMatchObject({ text, finishReason: "stop" });
      raw.closeAllConnections();
      raw.close();
    }
  });
});

describe("createModelCaller: advice", () => {
  it.each([
    ["http://HOST", "that of most servers ends in /v1"],
    ["http://HOST/", "that of most servers ends in /v1"],
    ["http://HOST/v1", "Check the base URL http://HOST/v1."],
  ])("an error text from %s leads to advice", async (baseUrl, advice) => {
    const raw = createServer((_request, response) => response.end('{"error": "Unexpected endpoint or method."}')).listen(0, "127.0.0.1");
    await once(raw, "listening");
    const address = raw.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    const host = `127.0.0.1:${address.port}`;
    const { message } = await getFault(false, baseUrl.replace("HOST", host));
    raw.close();
    expect(message).toContain('"Unexpected endpoint or method."');
    expect(message).toContain(advice.replace("HOST", host));
  });
});
