import { createServer } from "node:net";
import { inspect } from "node:util";

import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type ModelCallerOptions, createModelCaller } from "../../src/models/create-model-caller.js";
import type { ModelSettings } from "../../src/state/settings.js";
import { getRejection } from "../support/get-rejection.js";
import { type HttpReply, type HttpServer, startHttpServer } from "../support/http-server.js";
import { callInStreamedGraph, createModelSettings, createRequest, secretKey, testEnv } from "../support/model-requests.js";

/** One provider as its own server would see and answer it. */
interface ProviderCase {
  readonly model: string;
  readonly path: string;
  /** Header with the key; null where no key is sent. */
  readonly keyHeader: string | null;
  readonly createReply: (reply: { text: string; isCutOff?: boolean }) => HttpReply;
  /** Where the request says which output limit, temperature and schema it asks for. */
  readonly expectedBody: Record<string, unknown>;
  readonly expectedSchemaBody: Record<string, unknown>;
}

const schema = {
  type: "object",
  properties: { score: { type: "integer", minimum: 1, maximum: 10 } },
  required: ["score"],
  additionalProperties: false,
};
const responseFormat = { name: "review", schema };
const usage = { inputTokens: 21, outputTokens: 7 };
const streamed = { "content-type": "application/x-ndjson" };

const cases: ProviderCase[] = [
  {
    model: "anthropic:claude-test",
    path: "/v1/messages",
    keyHeader: "x-api-key",
    createReply: ({ text, isCutOff }) => ({
      body: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "claude-test-1",
        content: [{ type: "text", text }],
        stop_reason: isCutOff ? "max_tokens" : "end_turn",
        usage: { input_tokens: 21, output_tokens: 7 },
      },
    }),
    expectedBody: { model: "claude-test", max_tokens: 256, temperature: 0.1 },
    expectedSchemaBody: {
      output_config: {
        format: { type: "json_schema", schema: { ...schema, properties: { score: { type: "integer" } } } },
      },
    },
  },
  {
    model: "google-genai:gemini-test",
    path: "/v1beta/models/gemini-test:generateContent",
    keyHeader: "x-goog-api-key",
    createReply: ({ text, isCutOff }) => ({
      body: {
        candidates: [{ index: 0, content: { role: "model", parts: [{ text }] }, finishReason: isCutOff ? "MAX_TOKENS" : "STOP" }],
        usageMetadata: { promptTokenCount: 21, candidatesTokenCount: 7, totalTokenCount: 28 },
      },
    }),
    expectedBody: { generationConfig: { maxOutputTokens: 256, temperature: 0.1 } },
    expectedSchemaBody: {
      generationConfig: {
        responseMimeType: "application/json",
        responseSchema: { type: "object", properties: { score: { type: "integer", minimum: 1, maximum: 10 } }, required: ["score"] },
      },
    },
  },
  {
    model: "groq:llama-test",
    path: "/openai/v1/chat/completions",
    keyHeader: "authorization",
    createReply: ({ text, isCutOff }) => ({
      body: {
        id: "1",
        object: "chat.completion",
        created: 1,
        model: "llama-test-1",
        choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: isCutOff ? "length" : "stop" }],
        usage: { prompt_tokens: 21, completion_tokens: 7, total_tokens: 28 },
      },
    }),
    expectedBody: { model: "llama-test", max_completion_tokens: 256, temperature: 0.1 },
    expectedSchemaBody: { response_format: { type: "json_schema", json_schema: { name: "review", schema, strict: true } } },
  },
  {
    model: "ollama:qwen-test",
    path: "/api/chat",
    keyHeader: null,
    createReply: ({ text, isCutOff }) => ({
      headers: streamed,
      body: [
        { model: "qwen-test", message: { role: "assistant", content: text.slice(0, 3) }, done: false },
        { model: "qwen-test", message: { role: "assistant", content: text.slice(3) }, done: false },
        {
          model: "qwen-test",
          message: { role: "assistant", content: "" },
          done: true,
          done_reason: isCutOff ? "length" : "stop",
          prompt_eval_count: 21,
          eval_count: 7,
        },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(""),
    }),
    expectedBody: { model: "qwen-test", options: { num_predict: 256, temperature: 0.1 } },
    expectedSchemaBody: { format: schema },
  },
];

let server: HttpServer;
beforeEach(async () => {
  server = await startHttpServer(() => ({ status: 500, body: {} }));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const createCaller = (options: ModelCallerOptions = {}) => createModelCaller({ env: testEnv, minDelayMs: 1, ...options });
const createRequestTo = (model: string, baseUrl = server.origin, apiKeyEnv = "TEST_KEY") =>
  createRequest(null, { settings: createModelSettings(baseUrl, { model, apiKeyEnv }) });

describe.each(cases)("$model through its LangChain package", ({ model, path, keyHeader, createReply, expectedBody, expectedSchemaBody }) => {
  it("sends settings and key, and returns text, finish reason and usage", async () => {
    server.setHandler(() => createReply({ text: "Because of Rayleigh scattering." }));
    const response = await createCaller()(createRequestTo(model), {});
    expect(response).toMatchObject({ text: "Because of Rayleigh scattering.", finishReason: "stop", usage });
    const [request] = server.requests;
    expect(request?.url.split("?", 1)[0]).toBe(path);
    expect(request?.body).toMatchObject(expectedBody);
    expect(JSON.stringify(request?.body)).toMatch(/Answer briefly.*Why is the sky blue\?|Why is the sky blue\?.*Answer briefly/);
    if (keyHeader) expect(request?.headers[keyHeader]).toContain(secretKey);
  });

  it("reports a response at the output limit as cut off", async () => {
    server.setHandler(() => createReply({ text: "Because of", isCutOff: true }));
    expect(await createCaller()(createRequestTo(model), {})).toMatchObject({ text: "Because of", finishReason: "length" });
  });

  it("asks for a JSON schema in the provider's own way", async () => {
    server.setHandler(() => createReply({ text: '{"score":7}' }));
    const response = await createCaller()({ ...createRequestTo(model), responseFormat }, {});
    expect(response.text).toBe('{"score":7}');
    expect(server.requests[0]?.body).toMatchObject(expectedSchemaBody);
    expect(JSON.stringify(server.requests[0]?.body)).not.toContain(model.startsWith("groq") ? "outputConfig" : "response_format");
  });

  it("sends a whole conversation", async () => {
    server.setHandler(() => createReply({ text: "Third." }));
    const messages = [new SystemMessage("Be brief."), new HumanMessage("One?"), new AIMessage("First."), new HumanMessage("Two?")];
    expect((await createCaller()({ ...createRequestTo(model), messages }, {})).text).toBe("Third.");
    expect(JSON.stringify(server.requests[0]?.body)).toMatch(/One\?.*First\..*Two\?/);
  });

  it("retries a rate limit as long as the endpoint asks, once per attempt", async () => {
    const delays: number[] = [];
    server.setHandler(() =>
      server.requests.length === 1
        ? { status: 429, headers: { "retry-after-ms": "3" }, body: { error: { message: "slow down" } } }
        : createReply({ text: "Now." }),
    );
    const response = await createCaller({ onRetry: ({ delayMs }) => delays.push(delayMs) })(createRequestTo(model), {});
    expect(response.text).toBe("Now.");
    expect(server.requests).toHaveLength(2);
    expect(delays).toHaveLength(1);
  });

  it.each([
    [401, "model_unauthorized"],
    [404, "model_not_found"],
    [500, "model_unavailable"],
  ])("classifies status %i, with the endpoint and without the key", async (status, code) => {
    server.setHandler(() => ({ status, body: { error: { type: "e", message: `no, not with ${secretKey}` } } }));
    const error = await getRejection(createCaller({ maxRetries: 1 })(createRequestTo(model), {}));
    expect(error).toMatchObject({ code, details: { endpoint: server.origin, model, status, attempts: code === "model_unavailable" ? 2 : 1 } });
    expect(inspect(error, { depth: 9 })).not.toContain(secretKey);
  });

  it("retries a refused connection", async () => {
    const closed = await findClosedPort();
    const error = await getRejection(createCaller({ maxRetries: 1 })(createRequestTo(model, `http://127.0.0.1:${closed}`), {}));
    expect(error).toMatchObject({ code: "model_unavailable", details: { attempts: 2 } });
  });

  it("shows no key to traces, and no variable of the environment overrules the settings", async () => {
    for (const name of ["ANTHROPIC_BASE_URL", "OLLAMA_BASE_URL", "LANGSMITH_GATEWAY"]) vi.stubEnv(name, "http://127.0.0.1:1");
    server.setHandler(() => createReply({ text: "Fine." }));
    const started = vi.fn();
    await createCaller()(createRequestTo(model), { callbacks: [{ handleChatModelStart: started }] });
    expect(started).toHaveBeenCalledOnce();
    const [serialized, , , , extra, , metadata] = started.mock.calls[0] ?? [];
    expect(JSON.stringify([serialized, extra, metadata])).not.toContain(secretKey);
  });
});

describe("optional settings of LangChain providers", () => {
  const callWith = (model: string, settings: Partial<ModelSettings>) =>
    createCaller()(createRequest(null, { settings: createModelSettings(server.origin, { model, ...settings }) }), {});

  it.each<[string, Partial<ModelSettings>, Record<string, unknown>]>([
    [
      "anthropic:claude-test",
      { topP: 0.9, temperature: null, stop: ["END"], extraBody: { top_k: 5 } },
      { top_p: 0.9, stop_sequences: ["END"], top_k: 5 },
    ],
    ["google-genai:gemini-test", { topP: 0.9, stop: ["END"] }, { generationConfig: { topP: 0.9, stopSequences: ["END"] } }],
    [
      "ollama:qwen-test",
      { topP: 0.9, samplingSeed: 7, repetitionPenalty: 1.1, frequencyPenalty: 0.1, presencePenalty: 0.2 },
      { options: { top_p: 0.9, seed: 7, repeat_penalty: 1.1, frequency_penalty: 0.1, presence_penalty: 0.2 } },
    ],
    [
      "groq:llama-test",
      { topP: 0.9, stop: ["END"], frequencyPenalty: 0.1, presencePenalty: 0.2 },
      { top_p: 0.9, stop: ["END"], frequency_penalty: 0.1, presence_penalty: 0.2 },
    ],
  ])("%s sends %j in its own way", async (model, settings, body) => {
    const reply = cases.find((provider) => provider.model === model)?.createReply({ text: "Fine." });
    server.setHandler(() => reply ?? { body: {} });
    expect((await callWith(model, settings)).text).toBe("Fine.");
    expect(server.requests[0]?.body).toMatchObject(body);
  });

  it.each<[string, Partial<ModelSettings>, string]>([
    ["anthropic:claude-test", { samplingSeed: 7, headers: { a: "TEST_KEY" } }, "takes no `samplingSeed`, `headers`"],
    ["ollama:qwen-test", { extraBody: { top_k: 5 } }, "takes no `extraBody`"],
  ])("%s refuses %j, which its package would ignore", async (model, settings, message) => {
    const error = await getRejection(callWith(model, settings));
    expect(error).toMatchObject({ code: "model_invalid_configuration" });
    expect(String(error)).toContain(message);
  });
});

describe("ollama in a graph whose messages are streamed", () => {
  it("returns the streamed text", async () => {
    const [provider] = cases.filter(({ model }) => model.startsWith("ollama"));
    server.setHandler(() => provider?.createReply({ text: "Streamed text." }) ?? { body: {} });
    const response = await callInStreamedGraph(createCaller(), createRequestTo("ollama:qwen-test"));
    expect(response).toMatchObject({ text: "Streamed text.", usage });
  });
});

describe("keys of LangChain providers", () => {
  it.each([
    ["anthropic:claude-test", { ANTHROPIC_API_KEY: secretKey }, "x-api-key"],
    ["google-genai:gemini-test", { GEMINI_API_KEY: secretKey }, "x-goog-api-key"],
    ["google-genai:gemini-test", { GOOGLE_API_KEY: secretKey, GEMINI_API_KEY: "another-key" }, "x-goog-api-key"],
    ["groq:llama-test", { GROQ_API_KEY: secretKey, OPENAI_API_KEY: "another-key" }, "authorization"],
  ])("reads the key of %s from the provider's own variable by default", async (model, env, header) => {
    server.setHandler(() => cases.find((provider) => provider.model === model)?.createReply({ text: "Yes." }) ?? { body: {} });
    await createCaller({ env })(createRequestTo(model, server.origin, "OPENAI_API_KEY"), {});
    expect(server.requests[0]?.headers[header]).toContain(secretKey);
  });

  it("names the provider's variable if it is not set", async () => {
    const request = createRequest(null, { settings: createModelSettings(null, { model: "anthropic:claude-test", apiKeyEnv: "OPENAI_API_KEY" }) });
    const error = await getRejection(createCaller({ env: {} })(request, {}));
    expect(error).toMatchObject({ code: "model_invalid_configuration", details: { endpoint: "https://api.anthropic.com", attempts: 0 } });
    expect(String(error)).toContain("ANTHROPIC_API_KEY is not set");
  });

  it("refuses a base URL with a query, which the packages do not send", async () => {
    const error = await getRejection(createCaller()(createRequestTo("ollama:x", `${server.origin}/?key=${secretKey}`), {}));
    expect(error).toMatchObject({ code: "model_invalid_configuration", message: expect.stringContaining("neither credentials nor a query") });
    expect(inspect(error, { depth: 9 })).not.toContain(secretKey);
  });
});

/** Finds a port on which nothing listens. */
async function findClosedPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
