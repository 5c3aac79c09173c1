import { HumanMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ModelCallError } from "../../src/errors.js";
import type { RetryEvent } from "../../src/model-calls/middleware/retry.js";
import type { ModelRequest } from "../../src/model-calls/model-call.js";
import { type ModelCallerOptions, createModelCaller } from "../../src/models/create-model-caller.js";
import { getRejection } from "../support/get-rejection.js";
import { callInStreamedGraph, createRequest, secretKey, testEnv } from "../support/model-requests.js";
import { type ChatResponse, type FailedResponse, type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
let retries: RetryEvent[];
beforeEach(async () => {
  server = await startOpenAiServer();
  retries = [];
});
afterEach(() => server.close());

const success: ChatResponse = { content: "Because of Rayleigh scattering." };

/** Sends these responses in turn, then successes. */
function serve(...responses: (FailedResponse | ChatResponse)[]) {
  server.setHandler(({ index }) => responses[index] ?? success);
}

function createCaller(options: ModelCallerOptions = {}) {
  return createModelCaller({ env: testEnv, minDelayMs: 1, onRetry: (event) => retries.push(event), ...options });
}

function call(options?: ModelCallerOptions, overrides?: Partial<ModelRequest>) {
  return createCaller(options)(createRequest(server.baseUrl, overrides), {});
}

async function getCallError(promise: Promise<unknown>): Promise<ModelCallError> {
  const error = await getRejection(promise);
  if (!(error instanceof ModelCallError)) throw error;
  return error;
}

/** Returns everything that a log could print of an error. */
function getAllText(error: unknown): string {
  return error instanceof Error
    ? [error.message, error.stack, JSON.stringify(error), JSON.stringify(Object.values(error)), getAllText(error.cause)].join("\n")
    : String(error);
}

describe("createModelCaller: temporary failures", () => {
  it.each<[string, FailedResponse, Partial<RetryEvent>]>([
    [
      "429 without Retry-After",
      { status: 429, body: { error: { message: "slow down" } } },
      { code: "model_rate_limited", reason: "HTTP 429: slow down" },
    ],
    ["408", { status: 408 }, { code: "model_unavailable" }],
    ["409", { status: 409 }, { code: "model_unavailable" }],
    ["500", { status: 500, body: "internal error" }, { code: "model_unavailable", reason: "HTTP 500: internal error" }],
    ["503 with Retry-After", { status: 503, headers: { "retry-after-ms": "5" } }, { code: "model_unavailable", delayMs: 5 }],
    ["529", { status: 529 }, { code: "model_unavailable" }],
    ["reset connection", { reset: true }, { code: "model_unavailable", reason: expect.stringMatching(/^the connection failed/) }],
    [
      "connection reset in the middle of the response",
      { reset: "body" },
      { code: "model_unavailable", reason: expect.stringMatching(/^the connection failed/) },
    ],
    [
      "broken JSON",
      { status: 200, body: '{"choices": [' },
      { code: "model_unavailable", reason: expect.stringMatching(/^the response is not JSON/) },
    ],
    [
      "an HTML page",
      { status: 200, headers: { "content-type": "text/html" }, body: "<p>Sign in</p>" },
      { code: "model_unavailable", reason: expect.stringMatching(/in place of a chat completion came "<p>Sign in/) },
    ],
    ["no choices", { status: 200, body: { id: "x", choices: [] } }, { code: "model_unavailable", reason: expect.stringMatching(/cannot be read/) }],
    [
      "an error with status 200",
      { status: 200, body: { error: { message: "overloaded", code: 502 } } },
      { code: "model_unavailable", reason: expect.stringMatching(/overloaded/) },
    ],
    ["an empty body", { status: 200, body: "" }, { code: "model_unavailable" }],
    ["null", { status: 200, body: "null" }, { code: "model_unavailable" }],
  ])("retries after %s", async (_name, failure, event) => {
    serve(failure);
    expect((await call()).text).toBe(success.content);
    expect(server.requests).toHaveLength(2);
    expect(retries).toEqual([expect.objectContaining({ attempts: 1, endpoint: server.baseUrl, caller: { name: "candidate" }, ...event })]);
  });

  it.each([
    ["retry-after-ms", "150", 150],
    ["retry-after", "0.15", 150],
  ])("waits after a 429 as long as the header %s asks", async (name, value, waitMs) => {
    serve({ status: 429, headers: { [name]: value } });
    await call({ maxDelayMs: 0 });
    expect(retries.map(({ delayMs }) => delayMs)).toEqual([waitMs]);
    const [first, second] = server.requests;
    // A timer may fire up to a millisecond early.
    expect((second?.arrivedAt ?? 0) - (first?.arrivedAt ?? 0)).toBeGreaterThanOrEqual(waitMs - 1);
  });

  it("makes one attempt per retry, as no other layer retries", async () => {
    server.setHandler(() => ({ status: 503 }));
    const error = await getCallError(call({ maxRetries: 2 }));
    expect(server.requests).toHaveLength(3);
    expect(error.details).toEqual({ caller: { name: "candidate" }, endpoint: server.baseUrl, model: "openai:test-model", status: 503, attempts: 3 });
  });

  it.each<FailedResponse>([
    { status: 500 },
    { reset: true },
    { reset: "body" },
    { status: 200, headers: { "content-type": "text/event-stream" }, body: "data: {oops\n\n" },
  ])("retries a streamed response after %j", async (failure) => {
    serve(failure);
    expect((await callInStreamedGraph(createCaller(), createRequest(server.baseUrl))).text).toBe(success.content);
    expect(server.requests.map(({ body }) => body.stream)).toEqual([true, true]);
  });

  it("retries a stream that ends without a finish reason", async () => {
    const event = {
      id: "x",
      object: "chat.completion.chunk",
      model: "m",
      choices: [{ index: 0, delta: { role: "assistant", content: "Because of Ray" } }],
    };
    serve({ status: 200, headers: { "content-type": "text/event-stream" }, body: `data: ${JSON.stringify(event)}\n\n` });
    expect((await callInStreamedGraph(createCaller(), createRequest(server.baseUrl))).text).toBe(success.content);
    expect(retries).toEqual([expect.objectContaining({ reason: expect.stringContaining("ended before the response was complete") })]);
  });
});

describe("createModelCaller: timeouts", () => {
  it.each<FailedResponse>([{ hang: true }, { hang: "body" }])("disconnects and retries after %j", async (failure) => {
    serve(failure);
    expect((await call({ timeoutMs: 100 })).text).toBe(success.content);
    expect(retries).toEqual([expect.objectContaining({ code: "model_timeout", reason: "no response within 0.1 s" })]);
    await server.waitUntilIdle();
    expect(server.requests.map(({ abandoned }) => abandoned)).toEqual([true, false]);
  });

  it("gives advice if the endpoint never responds", async () => {
    server.setHandler(() => ({ hang: true }));
    const error = await getCallError(call({ timeoutMs: 20, maxRetries: 1 }));
    expect(error).toMatchObject({ code: "model_timeout", details: { attempts: 2 }, message: expect.stringContaining("Raise the timeout") });
  });

  it("applies the timeout to streams", async () => {
    serve({ hang: "body" });
    expect((await callInStreamedGraph(createCaller({ timeoutMs: 150 }), createRequest(server.baseUrl))).text).toBe(success.content);
    expect(retries).toEqual([expect.objectContaining({ code: "model_timeout" })]);
  });
});

describe("createModelCaller: permanent failures", () => {
  it.each<[number, string, string]>([
    [400, "model_invalid_configuration", "rejects every request with these settings"],
    [402, "model_insufficient_quota", "account of the key in TEST_KEY is out of credit"],
    [404, "model_not_found", "base URL"],
    [405, "model_not_found", "base URL"],
    [413, "model_invalid_configuration", "output limit"],
    [422, "model_invalid_configuration", "further parameters"],
    [401, "model_unauthorized", "TEST_KEY"],
    [403, "model_unauthorized", "TEST_KEY"],
  ])("fails at once for status %i with the code %s and advice", async (status, code, advice) => {
    server.setHandler(() => ({ status, body: { error: { message: "No, and here is why" } } }));
    const error = await getCallError(call({}, { caller: { name: "depth", group: "reviewer" } }));
    // At most one more request, which tells whether the settings are at fault.
    expect(server.requests.filter(({ body }) => JSON.stringify(body).includes("sky"))).toHaveLength(1);
    expect(server.requests.length).toBeLessThanOrEqual(2);
    expect(error).toMatchObject({ code, details: { caller: { name: "depth", group: "reviewer" }, endpoint: server.baseUrl, status, attempts: 1 } });
    expect(error.message).toContain('reviewer "depth"');
    expect(error.message).toContain(server.baseUrl);
    expect(error.message).toContain("openai:test-model");
    expect(error.message).toContain("No, and here is why");
    expect(error.message).toContain(advice);
  });

  it.each<[string, unknown]>([
    ["OpenAI's shape", { error: { message: "the reason", type: "invalid_request_error" } }],
    ["a bare message, as older vLLM", { object: "error", message: "the reason", code: 400 }],
    ["an error that is a string, as TGI", { error: "the reason" }],
    ["a detail, as FastAPI", { detail: "the reason" }],
    ["a list of details", { detail: [{ loc: ["body", "model"], msg: "the reason" }] }],
    ["plain text", "the reason"],
  ])("reports the reason from a body with %s", async (_name, body) => {
    server.setHandler(() => ({ status: 400, body }));
    expect((await getCallError(call())).message).toContain("the reason");
  });

  it("does not retry once OpenAI's quota is used up", async () => {
    server.setHandler(() => ({ status: 429, body: { error: { message: "You exceeded your current quota", code: "insufficient_quota" } } }));
    const error = await getCallError(call());
    expect(server.requests).toHaveLength(1);
    expect(error).toMatchObject({ code: "model_insufficient_quota", message: expect.stringContaining("plan and billing") });
  });

  it("does not follow redirects, which could send prompts and key elsewhere", async () => {
    const elsewhere = await startOpenAiServer();
    server.setHandler(() => ({ status: 307, headers: { location: `${elsewhere.baseUrl}/chat/completions` } }));
    const error = await getCallError(call());
    expect(error).toMatchObject({ code: "model_not_found", details: { status: 307 }, message: expect.stringContaining("base URL") });
    expect(elsewhere.requests).toHaveLength(0);
    await elsewhere.close();
  });

  it("reports a server that is not running", async () => {
    const { baseUrl } = server;
    await server.close();
    const error = await getCallError(createCaller({ maxRetries: 1 })(createRequest(baseUrl), {}));
    expect(error).toMatchObject({
      code: "model_unavailable",
      details: { attempts: 2 },
      message: expect.stringMatching(/ECONNREFUSED.*Check that the server is running/s),
    });
    server = await startOpenAiServer();
  });

  it.each([401, 400, 500, 200])("hides the key even if the endpoint repeats it in a body with status %i", async (status) => {
    server.setHandler(() => ({
      status,
      body: { error: { message: `Incorrect API key provided: ${secretKey}.`, code: secretKey } },
      headers: { "x-echo": secretKey },
    }));
    const error = await getCallError(call({ maxRetries: 1 }));
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secretKey}`);
    expect(getAllText(error)).toContain("[secret]");
    expect(getAllText(error)).not.toContain(secretKey);
    expect(JSON.stringify(retries)).not.toContain(secretKey);
  });
});

describe("createModelCaller: abort", () => {
  const reason = new Error("cancelled by the user");

  it.each(["plain", "streamed"])("ends a %s call at once with the signal's reason, and disconnects", async (kind) => {
    server.setHandler(() => ({ hang: "body" }));
    const controller = new AbortController();
    const request = createRequest(server.baseUrl);
    const response =
      kind === "plain"
        ? createCaller()(request, { signal: controller.signal })
        : callInStreamedGraph((streamedRequest, config) => createCaller()(streamedRequest, { ...config, signal: controller.signal }), request);
    const rejects = expect(response).rejects.toBe(reason);
    await server.waitForRequests(1);
    controller.abort(reason);
    await rejects;
    await server.waitUntilIdle();
    expect(server.requests).toMatchObject([{ abandoned: true, body: kind === "plain" ? { stream: false } : { stream: true } }]);
  });

  it("makes no call if the signal is already aborted", async () => {
    await expect(createCaller()(createRequest(server.baseUrl), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  it("leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const callModel = createCaller();
    for (let count = 0; count < 3; count++) await callModel(createRequest(server.baseUrl), { signal });
    expect(listeners).toBe(0);
  });
});

describe("createModelCaller: concurrent calls", () => {
  it("retries and answers each call independently", async () => {
    const seen = new Set<string>();
    server.setHandler(({ body }) => {
      const question = body.messages.at(-1)?.content ?? "";
      if (seen.has(question)) return { content: `Answer to ${question}` };
      seen.add(question);
      return { status: 503 };
    });
    const callModel = createCaller();
    const questions = Array.from({ length: 40 }, (_, index) => `question ${index}`);
    const responses = await Promise.all(
      questions.map((text) => callModel(createRequest(server.baseUrl, { messages: [new HumanMessage(text)] }), {})),
    );
    expect(responses.map(({ text }) => text)).toEqual(questions.map((text) => `Answer to ${text}`));
    expect(server.requests).toHaveLength(80);
  });
});
