import { inspect } from "node:util";

import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import * as undici from "undici";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import type { ModelMiddleware } from "../../src/model-calls/model-call.js";
import { type ModelCallerOptions, createModelCaller } from "../../src/models/create-model-caller.js";
import { openaiProvider } from "../../src/models/openai/provider.js";
import { getRejection } from "../support/get-rejection.js";
import { createModelSettings, createRequest, secretKey, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

vi.mock("undici", async (original) => {
  const originalUndici = await original<typeof undici>();
  return { ...originalUndici, request: vi.fn(originalUndici.request) };
});
const { request: sendRequest } = await vi.importActual<typeof undici>("undici");

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const createCaller = (options: ModelCallerOptions = {}) => createModelCaller({ env: testEnv, minDelayMs: 1, ...options });

/** Redirects the next request to the test server. Returns a list that receives its original URL. */
function interceptNextRequest(): string[] {
  const urls: string[] = [];
  vi.mocked(undici.request).mockImplementationOnce(async (url, options) => {
    urls.push(url instanceof URL ? url.href : "");
    return sendRequest(`${server.baseUrl}/chat/completions`, options);
  });
  return urls;
}

/** A chat model of another library that always fails. */
class FailingModel extends SimpleChatModel {
  constructor(private readonly error: Error) {
    super({});
  }
  _llmType(): string {
    return "failing";
  }
  _call(): Promise<string> {
    return Promise.reject(this.error);
  }
}

/** Sets every variable with which OpenAI's and LangChain's clients would override the settings. */
function stubOverridingEnv(otherUrl: string) {
  const variables = {
    OPENAI_API_KEY: "key-of-the-environment",
    OPENAI_ADMIN_KEY: "admin-key-of-the-environment",
    OPENAI_BASE_URL: otherUrl,
    OPENAI_API_BASE: otherUrl,
    OPENAI_ORG_ID: "org-of-the-environment",
    OPENAI_ORGANIZATION: "org-of-the-environment",
    OPENAI_PROJECT_ID: "project-of-the-environment",
    OPENAI_CUSTOM_HEADERS: "x-custom: header-of-the-environment",
    OPENAI_LOG: "debug",
    LANGSMITH_GATEWAY: otherUrl,
    LANGSMITH_GATEWAY_API_KEY: "gateway-key-of-the-environment",
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

describe("createModelCaller: endpoint", () => {
  it("calls the endpoint of the settings, regardless of the environment", async () => {
    const otherServer = await startOpenAiServer();
    stubOverridingEnv(otherServer.baseUrl);
    const debugLog = vi.spyOn(console, "debug");
    await createCaller()(createRequest(server.baseUrl), {});
    const [request] = server.requests;
    expect(request?.headers.authorization).toBe(`Bearer ${secretKey}`);
    expect(JSON.stringify(request?.headers)).not.toContain("of-the-environment");
    expect(otherServer.requests).toHaveLength(0);
    expect(debugLog).not.toHaveBeenCalled();
    await otherServer.close();
  });

  it("calls OpenAI if the settings name no endpoint", async () => {
    stubOverridingEnv(server.baseUrl);
    const urls = interceptNextRequest();
    expect((await createCaller()(createRequest(null), {})).text).toContain("Why is the sky blue?");
    expect(urls).toEqual(["https://api.openai.com/v1/chat/completions"]);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secretKey}`);
    expect(JSON.stringify(server.requests[0]?.headers)).not.toContain("of-the-environment");
  });

  it("keeps the query of the base URL, and ignores a trailing slash", async () => {
    const urls = interceptNextRequest();
    await createCaller()(createRequest("http://127.0.0.1:9/v1/?api-version=2"), {});
    expect(urls).toEqual(["http://127.0.0.1:9/v1/chat/completions?api-version=2"]);
  });

  it("uses the chat endpoint even for names for which LangChain prefers another one", async () => {
    await createCaller()(createRequest(server.baseUrl, { settings: createModelSettings(server.baseUrl, { model: "openai:my-codex-7b" }) }), {});
    expect(server.requests).toMatchObject([{ body: { model: "my-codex-7b" } }]);
  });
});

describe("createModelCaller: API key", () => {
  it("is not part of the model, so it appears in no trace and no log", () => {
    const settings = createModelSettings(server.baseUrl);
    const model = openaiProvider.create({ name: "test-model", settings, env: testEnv, timeoutMs: 1000 });
    expect(JSON.stringify(model)).not.toContain(secretKey);
    expect(inspect(model, { depth: 12, showHidden: true, getters: true })).not.toContain(secretKey);
  });

  it("may be missing if a base URL is set", async () => {
    await createCaller({ env: {} })(createRequest(server.baseUrl), {});
    expect(server.requests[0]?.headers.authorization).toBe("Bearer none");
  });

  it("is trimmed, e.g. of a line break at the end of a file", async () => {
    await createCaller({ env: { TEST_KEY: ` ${secretKey}\n` } })(createRequest(server.baseUrl), {});
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secretKey}`);
  });
});

describe("createModelCaller: invalid settings", () => {
  it.each<[string, ReturnType<typeof createModelSettings>, Record<string, string>, string]>([
    ["no key for OpenAI", createModelSettings(null), {}, "TEST_KEY is not set"],
    ["an empty key for OpenAI", createModelSettings(null), { TEST_KEY: " " }, "TEST_KEY is not set"],
    ["a variable named like a property of every object", createModelSettings(null, { apiKeyEnv: "constructor" }), {}, "constructor is not set"],
    ["a key that no header can carry", createModelSettings(null), { TEST_KEY: "Zt7-very-\nsecret" }, "TEST_KEY contains spaces"],
    [
      "an unknown provider",
      createModelSettings(null, { model: "acme:large" }),
      testEnv,
      '"acme:large" is not a known model. Known are "offline", "openai:<name>"',
    ],
    ["a provider without a model", createModelSettings(null, { model: "openai:" }), testEnv, "not a known model"],
    ["credentials in the URL", createModelSettings("http://me:hunter2@127.0.0.1:9/v1"), testEnv, "contains credentials"],
  ])("throws an error with reason, caller and endpoint, without a call, for %s", async (_name, settings, env, message) => {
    const caller = { name: "depth", group: "reviewer" };
    const error = await getRejection(createCaller({ env })(createRequest(null, { caller, settings }), {}));
    expect(error).toMatchObject({ name: "ModelCallError", code: "model_invalid_configuration", details: { caller, attempts: 0 } });
    expect(String(error)).toContain(message);
    expect(String(error)).toContain('reviewer "depth"');
    expect(String(error)).toMatch(/https:\/\/api\.openai\.com\/v1|http:\/\/127\.0\.0\.1:9\/v1/);
    expect(inspect(error, { depth: 9 })).not.toMatch(/hunter2|Zt7-very/);
  });
});

describe("createModelCaller", () => {
  it("calls the offline model without network or key", async () => {
    vi.stubGlobal("fetch", () => expect.fail("nothing may be fetched"));
    const request = createRequest(null, { settings: createModelSettings(null, { model: "offline" }) });
    const response = await createCaller({ env: {} })(request, {});
    expect(response).toMatchObject({ finishReason: "stop", model: "offline" });
    expect(response.text).not.toBe("");
  });

  it("applies middleware to every attempt, inside the retries, the first one outermost", async () => {
    const steps: string[] = [];
    const createMiddleware =
      (name: string): ModelMiddleware =>
      (next) =>
      async (request, config) => {
        steps.push(`${name} starts`);
        try {
          return await next(request, config);
        } catch (error) {
          steps.push(error instanceof AttemptError ? `${name} fails with ${error.code}` : String(error));
          throw error;
        }
      };
    server.setHandler(({ index }) => (index === 0 ? { status: 500 } : undefined));
    await createCaller({ middleware: [createMiddleware("outer"), createMiddleware("inner")] })(createRequest(server.baseUrl), {});
    expect(steps).toEqual([
      "outer starts",
      "inner starts",
      "inner fails with model_unavailable",
      "outer fails with model_unavailable",
      "outer starts",
      "inner starts",
    ]);
  });

  it("accepts any LangChain chat model, created once for equal settings", async () => {
    const createdModels: string[] = [];
    const callModel = createModelCaller({
      env: {},
      minDelayMs: 1,
      createModel: ({ model }) => {
        createdModels.push(model);
        return new FakeListChatModel({ responses: ["<think>hm</think>One.", "Two."] });
      },
    });
    const createModelRequest = (model: string, temperature = 0.1) =>
      createRequest(null, { settings: createModelSettings(null, { model, temperature }) });
    expect((await callModel(createModelRequest("acme:large"), {})).text).toBe("One.");
    expect(await callModel(createModelRequest("acme:large"), {})).toMatchObject({ text: "Two.", model: "acme:large" });
    await callModel(createModelRequest("acme:large", 0.9), {});
    expect(createdModels).toEqual(["acme:large", "acme:large"]);
  });

  it("reads status and Retry-After from another SDK's errors, and hides keys in them", async () => {
    const delays: number[] = [];
    const model = new FailingModel(
      Object.assign(new Error("Overloaded, Bearer abc.def.ghi"), {
        response: { status: 429, headers: { "Retry-After": "0.002" } },
        config: { key: "sk-abcdefgh" },
      }),
    );
    const callModel = createModelCaller({ env: {}, maxRetries: 1, createModel: () => model, onRetry: ({ delayMs }) => delays.push(delayMs) });
    const error = await getRejection(callModel(createRequest(null, { settings: createModelSettings(null, { model: "acme:large" }) }), {}));
    expect(error).toMatchObject({ code: "model_rate_limited", details: { endpoint: "its own endpoint", status: 429, attempts: 2 } });
    expect(delays).toEqual([2]);
    expect(inspect(error, { depth: 9 })).not.toMatch(/abc\.def|sk-abcdefgh/);
  });

  it("does not retry a model that fails for an unknown reason, and reports the reason", async () => {
    const model = new FailingModel(new Error("no such adapter"));
    const callModel = createModelCaller({ env: {}, createModel: () => model });
    await expect(callModel(createRequest(null), {})).rejects.toMatchObject({
      code: "model_unavailable",
      details: { attempts: 1 },
      message: expect.stringContaining("the chat model failed: no such adapter"),
    });
  });

  it("passes callbacks, run name, tags and metadata to the model, and nothing else of a node's config", async () => {
    const onStart = vi.fn();
    const config = {
      runName: "candidate turn 1",
      tags: ["role:candidate"],
      metadata: { turn: 1 },
      callbacks: [{ handleChatModelStart: onStart }],
      context: { apiKeyEnv: "context-of-the-node" },
      store: { name: "store-of-the-node" },
    };
    await createCaller()(createRequest(server.baseUrl), config);
    expect(onStart).toHaveBeenCalledOnce();
    const [serialized, , , , extra, tags, metadata, runName] = onStart.mock.calls[0] ?? [];
    expect({ tags, metadata, runName }).toMatchObject({ tags: ["role:candidate"], metadata: { turn: 1 }, runName: "candidate turn 1" });
    expect(JSON.stringify([serialized, extra])).not.toMatch(/of-the-node|very-secret/);
  });
});
