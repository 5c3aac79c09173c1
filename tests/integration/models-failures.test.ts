import { HumanMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ModelCallError } from "../../src/errors.js";
import { type ModelCallerOptions, createModelCaller } from "../../src/models/create-model-caller.js";
import type { RetryEvent } from "../../src/model-calls/middleware/retry.js";
import type { ModelRequest } from "../../src/model-calls/model-call.js";
import { callWatched, requestTo, secretKey, testEnv } from "../support/model-requests.js";
import { type Fault, type OpenAiServer, type Reply, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
let notices: RetryEvent[];
beforeEach(async () => {
  server = await startOpenAiServer();
  notices = [];
});
afterEach(() => server.close());

const well: Reply = { content: "Because of Rayleigh scattering." };

/** The server gives these in turn, then answers well. */
function serve(...outcomes: (Fault | Reply)[]) {
  server.setHandler(({ index }) => outcomes[index] ?? well);
}

function accessWith(options: ModelCallerOptions = {}) {
  return createModelCaller({ env: testEnv, minDelayMs: 1, onRetry: (notice) => notices.push(notice), ...options });
}

function call(options?: ModelCallerOptions, overrides?: Partial<ModelRequest>) {
  return accessWith(options)(requestTo(server.baseUrl, overrides), {});
}

async function failure(promise: Promise<unknown>): Promise<ModelCallError> {
  const error: unknown = await promise.then(
    () => expect.fail("it should have failed"),
    (cause: unknown) => cause,
  );
  if (!(error instanceof ModelCallError)) throw error;
  return error;
}

/** Everything that a log could print of an error. */
function wholeText(error: unknown): string {
  return error instanceof Error
    ? [error.message, error.stack, JSON.stringify(error), JSON.stringify(Object.values(error)), wholeText(error.cause)].join("\n")
    : String(error);
}

describe("failures that pass", () => {
  it.each<[string, Fault, Partial<RetryEvent>]>([
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
      "connection reset in the middle of the answer",
      { reset: "body" },
      { code: "model_unavailable", reason: expect.stringMatching(/^the connection failed/) },
    ],
    ["broken JSON", { status: 200, body: '{"choices": [' }, { code: "model_unavailable", reason: expect.stringMatching(/^the answer is not JSON/) }],
    [
      "an HTML page",
      { status: 200, headers: { "content-type": "text/html" }, body: "<p>Sign in</p>" },
      { code: "model_unavailable", reason: expect.stringMatching(/cannot be read/) },
    ],
    ["no choices", { status: 200, body: { id: "x", choices: [] } }, { code: "model_unavailable", reason: expect.stringMatching(/cannot be read/) }],
    [
      "an error with status 200",
      { status: 200, body: { error: { message: "overloaded", code: 502 } } },
      { code: "model_unavailable", reason: expect.stringMatching(/overloaded/) },
    ],
    ["an empty body", { status: 200, body: "" }, { code: "model_unavailable" }],
    ["null", { status: 200, body: "null" }, { code: "model_unavailable" }],
  ])("%s: asks again", async (_name, fault, notice) => {
    serve(fault);
    expect((await call()).text).toBe(well.content);
    expect(server.requests).toHaveLength(2);
    expect(notices).toEqual([expect.objectContaining({ attempts: 1, endpoint: server.baseUrl, caller: { name: "candidate" }, ...notice })]);
  });

  it.each([
    ["retry-after-ms", "150", 150],
    ["retry-after", "0.15", 150],
  ])("429 with %s: stays away for as long as it is asked to", async (name, value, waitMs) => {
    serve({ status: 429, headers: { [name]: value } });
    await call({ maxDelayMs: 0 });
    expect(notices.map(({ delayMs }) => delayMs)).toEqual([waitMs]);
    const [first, second] = server.requests;
    // A timer may fire within the last millisecond.
    expect((second?.arrivedAt ?? 0) - (first?.arrivedAt ?? 0)).toBeGreaterThanOrEqual(waitMs - 1);
  });

  it("is the only layer that asks again", async () => {
    server.setHandler(() => ({ status: 500 }));
    const error = await failure(call({ maxRetries: 2 }));
    expect(server.requests).toHaveLength(3);
    expect(error.details).toEqual({ caller: { name: "candidate" }, endpoint: server.baseUrl, model: "openai:test-model", status: 500, attempts: 3 });
  });

  it.each<Fault>([
    { status: 500 },
    { reset: true },
    { reset: "body" },
    { status: 200, headers: { "content-type": "text/event-stream" }, body: "data: {oops\n\n" },
  ])("asks again under a watched graph too, where replies are streamed: %j", async (fault) => {
    serve(fault);
    expect((await callWatched(accessWith(), requestTo(server.baseUrl))).text).toBe(well.content);
    expect(server.requests.map(({ body }) => body.stream)).toEqual([true, true]);
  });

  it("takes a stream that just ends for the failure that it is", async () => {
    const piece = {
      id: "x",
      object: "chat.completion.chunk",
      model: "m",
      choices: [{ index: 0, delta: { role: "assistant", content: "Because of Ray" } }],
    };
    serve({ status: 200, headers: { "content-type": "text/event-stream" }, body: `data: ${JSON.stringify(piece)}\n\n` });
    expect((await callWatched(accessWith(), requestTo(server.baseUrl))).text).toBe(well.content);
    expect(notices).toEqual([expect.objectContaining({ reason: expect.stringContaining("ended before the reply did") })]);
  });
});

describe("timeouts", () => {
  it.each<Fault>([{ hang: true }, { hang: "body" }])("gives up on %j, hangs up, and asks again", async (fault) => {
    serve(fault);
    expect((await call({ timeoutMs: 100 })).text).toBe(well.content);
    expect(notices).toEqual([expect.objectContaining({ code: "model_timeout", reason: "no reply within 0.1 s" })]);
    await server.idle();
    expect(server.requests.map(({ abandoned }) => abandoned)).toEqual([true, false]);
  });

  it("says what to do when it never answers", async () => {
    server.setHandler(() => ({ hang: true }));
    const error = await failure(call({ timeoutMs: 20, maxRetries: 1 }));
    expect(error).toMatchObject({ code: "model_timeout", details: { attempts: 2 }, message: expect.stringContaining("Raise the timeout") });
  });

  it("watches over streams as well", async () => {
    serve({ hang: "body" });
    expect((await callWatched(accessWith({ timeoutMs: 150 }), requestTo(server.baseUrl))).text).toBe(well.content);
    expect(notices).toEqual([expect.objectContaining({ code: "model_timeout" })]);
  });
});

describe("failures that stay", () => {
  it.each<[number, string, string]>([
    [400, "model_bad_request", "temperature"],
    [402, "model_insufficient_quota", "account of the key in TEST_KEY is out of credit"],
    [404, "model_not_found", "base URL"],
    [405, "model_not_found", "base URL"],
    [413, "model_bad_request", "length of the conversation"],
    [422, "model_bad_request", "refuses the request"],
    [401, "model_unauthorized", "TEST_KEY"],
    [403, "model_unauthorized", "TEST_KEY"],
  ])("%i: fails at once as %s, and says what to look at", async (status, code, advice) => {
    server.setHandler(() => ({ status, body: { error: { message: "No, and here is why" } } }));
    const error = await failure(call({}, { caller: { name: "depth", group: "reviewer" } }));
    expect(server.requests).toHaveLength(1);
    expect(error).toMatchObject({ code, details: { role: "reviewer", endpoint: server.baseUrl, status, attempts: 1 } });
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
  ])("tells the reason when it comes in %s", async (_name, body) => {
    server.setHandler(() => ({ status: 400, body }));
    expect((await failure(call())).message).toContain("the reason");
  });

  it("does not ask again once OpenAI's quota is used up", async () => {
    server.setHandler(() => ({ status: 429, body: { error: { message: "You exceeded your current quota", code: "insufficient_quota" } } }));
    const error = await failure(call());
    expect(server.requests).toHaveLength(1);
    expect(error).toMatchObject({ code: "model_insufficient_quota", message: expect.stringContaining("plan and billing") });
  });

  it("does not follow redirects, which could lead prompts and key elsewhere", async () => {
    const elsewhere = await startOpenAiServer();
    server.setHandler(() => ({ status: 307, headers: { location: `${elsewhere.baseUrl}/chat/completions` } }));
    const error = await failure(call());
    expect(error).toMatchObject({ code: "model_not_found", details: { status: 307 }, message: expect.stringContaining("base URL") });
    expect(elsewhere.requests).toHaveLength(0);
    await elsewhere.close();
  });

  it("names a server that is not there", async () => {
    const { baseUrl } = server;
    await server.close();
    const error = await failure(accessWith({ maxRetries: 1 })(requestTo(baseUrl), {}));
    expect(error).toMatchObject({
      code: "model_unavailable",
      details: { attempts: 2 },
      message: expect.stringMatching(/ECONNREFUSED.*Check that the server is up/s),
    });
    server = await startOpenAiServer();
  });

  it.each([401, 400, 500, 200])("never shows the key, even if the endpoint repeats it (%i)", async (status) => {
    server.setHandler(() => ({
      status,
      body: { error: { message: `Incorrect API key provided: ${secretKey}.`, code: secretKey } },
      headers: { "x-echo": secretKey },
    }));
    const error = await failure(call({ maxRetries: 1 }));
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secretKey}`);
    expect(wholeText(error)).toContain("[key]");
    expect(wholeText(error)).not.toContain(secretKey);
    expect(JSON.stringify(notices)).not.toContain(secretKey);
  });
});

describe("abort", () => {
  const reason = new Error("the user has seen enough");

  it.each(["plain", "streamed"])("ends a %s call at once with the signal's own reason, and hangs up", async (kind) => {
    server.setHandler(() => ({ hang: "body" }));
    const controller = new AbortController();
    const request = requestTo(server.baseUrl);
    const calling =
      kind === "plain"
        ? accessWith()(request, { signal: controller.signal })
        : callWatched((asked, config) => accessWith()(asked, { ...config, signal: controller.signal }), request);
    const failed = expect(calling).rejects.toBe(reason);
    await server.arrived(1);
    controller.abort(reason);
    await failed;
    await server.idle();
    expect(server.requests).toMatchObject([{ abandoned: true, body: kind === "plain" ? { stream: false } : { stream: true } }]);
  });

  it("does not call at all when it came before", async () => {
    await expect(accessWith()(requestTo(server.baseUrl), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  it("leaves nothing behind on a signal that lives long", async () => {
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
    const access = accessWith();
    for (let count = 0; count < 3; count++) await access(requestTo(server.baseUrl), { signal });
    expect(listeners).toBe(0);
  });
});

describe("many at once", () => {
  it("keeps every call's failures and replies apart", async () => {
    const seen = new Set<string>();
    server.setHandler(({ body }) => {
      const asked = body.messages.at(-1)?.content ?? "";
      if (seen.has(asked)) return { content: `Reply to ${asked}` };
      seen.add(asked);
      return { status: 503 };
    });
    const access = accessWith();
    const asked = Array.from({ length: 40 }, (_, index) => `question ${index}`);
    const replies = await Promise.all(asked.map((text) => access(requestTo(server.baseUrl, { messages: [new HumanMessage(text)] }), {})));
    expect(replies.map(({ text }) => text)).toEqual(asked.map((text) => `Reply to ${text}`));
    expect(server.requests).toHaveLength(80);
  });
});
