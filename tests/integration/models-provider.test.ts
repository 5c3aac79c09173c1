import { inspect } from "node:util";

import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import * as undici from "undici";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type ModelCallerOptions, type ModelMiddleware, createModelCaller } from "../../src/models/create-model-caller.js";
import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import { createChatModel } from "../../src/models/provider.js";
import { requestTo, secretKey, settingsFor, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

vi.mock("undici", async (original) => {
  const real = await original<typeof undici>();
  return { ...real, request: vi.fn(real.request) };
});
const { request: send } = await vi.importActual<typeof undici>("undici");

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const accessWith = (options: ModelCallerOptions = {}) => createModelCaller({ env: testEnv, minDelayMs: 1, ...options });
const getRoleModel = (settings = settingsFor(server.baseUrl), env: Record<string, string> = testEnv) =>
  createChatModel(settings, { env, caller: { caller: { name: "chairman" } } });

/** Has this test's server answer the next call, wherever it goes, and tells where that is. */
function answerHere(): string[] {
  const asked: string[] = [];
  vi.mocked(undici.request).mockImplementationOnce(async (url, options) => {
    asked.push(url instanceof URL ? url.href : "");
    return send(`${server.baseUrl}/chat/completions`, options);
  });
  return asked;
}

/** A chat model of somebody else's. */
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

/** Everything by which OpenAI's and LangChain's clients would let the environment overrule our settings. */
function hostileEnvironment(elsewhere: string) {
  const variables = {
    OPENAI_API_KEY: "key-of-the-environment",
    OPENAI_ADMIN_KEY: "admin-key-of-the-environment",
    OPENAI_BASE_URL: elsewhere,
    OPENAI_API_BASE: elsewhere,
    OPENAI_ORG_ID: "org-of-the-environment",
    OPENAI_ORGANIZATION: "org-of-the-environment",
    OPENAI_PROJECT_ID: "project-of-the-environment",
    OPENAI_CUSTOM_HEADERS: "x-custom: header-of-the-environment",
    OPENAI_LOG: "debug",
    LANGSMITH_GATEWAY: elsewhere,
    LANGSMITH_GATEWAY_API_KEY: "gateway-key-of-the-environment",
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

describe("where calls go", () => {
  it("is what the settings say, whatever the environment holds", async () => {
    const elsewhere = await startOpenAiServer();
    hostileEnvironment(elsewhere.baseUrl);
    const printed = vi.spyOn(console, "debug");
    await accessWith()(requestTo(server.baseUrl), {});
    const [request] = server.requests;
    expect(request?.headers.authorization).toBe(`Bearer ${secretKey}`);
    expect(JSON.stringify(request?.headers)).not.toContain("of-the-environment");
    expect(elsewhere.requests).toHaveLength(0);
    expect(printed).not.toHaveBeenCalled();
    await elsewhere.close();
  });

  it("is OpenAI's own endpoint where the settings name none", async () => {
    hostileEnvironment(server.baseUrl);
    const asked = answerHere();
    expect((await accessWith()(requestTo(null), {})).text).toContain("Why is the sky blue?");
    expect(asked).toEqual(["https://api.openai.com/v1/chat/completions"]);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secretKey}`);
    expect(JSON.stringify(server.requests[0]?.headers)).not.toContain("of-the-environment");
  });

  it("keeps a query of the base URL, and a slash too many is no matter", async () => {
    const asked = answerHere();
    await accessWith()(requestTo("http://127.0.0.1:9/v1/?api-version=2"), {});
    expect(asked).toEqual(["http://127.0.0.1:9/v1/chat/completions?api-version=2"]);
  });

  it("is the chat endpoint also for names for which LangChain prefers another", async () => {
    await accessWith()(requestTo(server.baseUrl, { settings: settingsFor(server.baseUrl, { model: "openai:my-codex-7b" }) }), {});
    expect(server.requests).toMatchObject([{ body: { model: "my-codex-7b" } }]);
  });
});

describe("the key", () => {
  it("is nowhere in the model, so it reaches no trace and no log", () => {
    const model = getRoleModel();
    expect(JSON.stringify(model)).not.toContain(secretKey);
    expect(inspect(model, { depth: 12, showHidden: true, getters: true })).not.toContain(secretKey);
  });

  it("may be missing for a server of one's own", async () => {
    await accessWith({ env: {} })(requestTo(server.baseUrl), {});
    expect(server.requests[0]?.headers.authorization).toBe("Bearer none");
  });

  it("is read without the line break that files like to end with", async () => {
    await accessWith({ env: { TEST_KEY: ` ${secretKey}\n` } })(requestTo(server.baseUrl), {});
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secretKey}`);
  });
});

describe("settings that cannot work", () => {
  it.each<[string, ReturnType<typeof settingsFor>, Record<string, string>, string]>([
    ["no key for OpenAI", settingsFor(null), {}, "TEST_KEY is not set"],
    ["an empty key for OpenAI", settingsFor(null), { TEST_KEY: " " }, "TEST_KEY is not set"],
    ["a variable that only JavaScript knows", settingsFor(null, { apiKeyEnv: "constructor" }), {}, "constructor is not set"],
    ["a key that no header can carry", settingsFor(null), { TEST_KEY: "Zt7-very-\nsecret" }, "TEST_KEY holds blanks"],
    [
      "an unknown provider",
      settingsFor(null, { model: "anthropic:claude" }),
      testEnv,
      '"anthropic:claude" is no known model. Known are "offline" and "openai:<name>"',
    ],
    ["a provider without a model", settingsFor(null, { model: "openai:" }), testEnv, "no known model"],
    ["credentials in the URL", settingsFor("http://me:hunter2@127.0.0.1:9/v1"), testEnv, "holds credentials"],
  ])("%s: says what, for whom and where, without a call", async (_name, settings, env, message) => {
    const error: unknown = await accessWith({ env })(requestTo(null, { caller: { name: "depth", group: "reviewer" }, settings }), {}).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ name: "ModelCallError", code: "model_invalid_configuration", details: { role: "reviewer", attempts: 0 } });
    expect(String(error)).toContain(message);
    expect(String(error)).toContain('reviewer "depth"');
    expect(String(error)).toMatch(/https:\/\/api\.openai\.com\/v1|http:\/\/127\.0\.0\.1:9\/v1/);
    expect(inspect(error, { depth: 9 })).not.toMatch(/hunter2|Zt7-very/);
  });
});

describe("createModelCaller", () => {
  it("rehearses offline without network or key", async () => {
    vi.stubGlobal("fetch", () => expect.fail("nothing may be fetched"));
    const request = requestTo(null, { settings: settingsFor(null, { model: "offline" }) });
    const reply = await accessWith({ env: {} })(request, {});
    expect(reply).toMatchObject({ finish: "stop", model: "offline" });
    expect(reply.text).not.toBe("");
  });

  it("puts wrappers around every attempt, within the retries, the outermost first", async () => {
    const steps: string[] = [];
    const wrapper =
      (name: string): ModelMiddleware =>
      (access) =>
      async (request, config) => {
        steps.push(`${name} in`);
        try {
          return await access(request, config);
        } catch (error) {
          steps.push(error instanceof AttemptError ? `${name} sees ${error.code}` : String(error));
          throw error;
        }
      };
    server.setHandler(({ index }) => (index === 0 ? { status: 500 } : undefined));
    await accessWith({ middleware: [wrapper("outer"), wrapper("inner")] })(requestTo(server.baseUrl), {});
    expect(steps).toEqual(["outer in", "inner in", "inner sees model_unavailable", "outer sees model_unavailable", "outer in", "inner in"]);
  });

  it("takes any LangChain chat model, once for the same settings, and knows its errors", async () => {
    const made: string[] = [];
    const access = createModelCaller({
      env: {},
      minDelayMs: 1,
      createModel: ({ model }) => {
        made.push(model);
        return new FakeListChatModel({ responses: ["<think>hm</think>One.", "Two."] });
      },
    });
    const request = (model: string, temperature = 0.1) => requestTo(null, { settings: settingsFor(null, { model, temperature }) });
    expect((await access(request("acme:large"), {})).text).toBe("One.");
    expect(await access(request("acme:large"), {})).toMatchObject({ text: "Two.", model: "acme:large" });
    await access(request("acme:large", 0.9), {});
    expect(made).toEqual(["acme:large", "acme:large"]);
  });

  it("reads status and Retry-After of a foreign SDK's errors, and lets no key in them through", async () => {
    const delays: number[] = [];
    const model = new FailingModel(
      Object.assign(new Error("Overloaded, Bearer abc.def"), {
        response: { status: 429, headers: { "Retry-After": "0.002" } },
        config: { key: "sk-abcdefgh" },
      }),
    );
    const access = createModelCaller({ env: {}, maxRetries: 1, createModel: () => model, onRetry: ({ delayMs }) => delays.push(delayMs) });
    const error: unknown = await access(requestTo(null, { settings: settingsFor(null, { model: "acme:large" }) }), {}).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ code: "model_rate_limited", details: { endpoint: "its own endpoint", status: 429, attempts: 2 } });
    expect(delays).toEqual([2]);
    expect(inspect(error, { depth: 9 })).not.toMatch(/abc\.def|sk-abcdefgh/);
  });

  it("does not ask a model again that fails for reasons of its own, and keeps the reason", async () => {
    const model = new FailingModel(new Error("no such adapter"));
    const access = createModelCaller({ env: {}, createModel: () => model });
    await expect(access(requestTo(null), {})).rejects.toMatchObject({
      code: "model_unavailable",
      details: { attempts: 1 },
      message: expect.stringContaining("the chat model failed: no such adapter"),
    });
  });

  it("hands callbacks, run name, tags and metadata to the model, and nothing else of a node's config", async () => {
    const started = vi.fn();
    const config = {
      runName: "candidate turn 1",
      tags: ["role:candidate"],
      metadata: { turn: 1 },
      callbacks: [{ handleChatModelStart: started }],
      context: { apiKeyEnv: "context-of-the-node" },
      store: { name: "store-of-the-node" },
    };
    await accessWith()(requestTo(server.baseUrl), config);
    expect(started).toHaveBeenCalledOnce();
    const [serialized, , , , extra, tags, metadata, runName] = started.mock.calls[0] ?? [];
    expect({ tags, metadata, runName }).toMatchObject({ tags: ["role:candidate"], metadata: { turn: 1 }, runName: "candidate turn 1" });
    expect(JSON.stringify([serialized, extra])).not.toMatch(/of-the-node|very-secret/);
  });
});
