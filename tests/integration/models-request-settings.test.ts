import { inspect } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { openaiProvider } from "../../src/models/openai/provider.js";
import type { ModelSettings } from "../../src/state/settings.js";
import { getRejection } from "../support/get-rejection.js";
import { callInStreamedGraph, createModelSettings, createRequest, secretKey, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const headerValue = "Qk3-secret-of-a-header-77";
const env = { ...testEnv, AZURE_OPENAI_API_KEY: headerValue, TEAM: "physics" };
const requestWith = (settings: Partial<ModelSettings>) => createRequest(server.baseUrl, { settings: createModelSettings(server.baseUrl, settings) });

async function getSentBody(settings: Partial<ModelSettings>): Promise<Record<string, unknown>> {
  await createModelCaller({ env })(requestWith(settings), {});
  return { ...server.requests.at(-1)?.body };
}

describe("the body of a request", () => {
  it("holds model, messages, temperature and output limit, and nothing else by default", async () => {
    expect(await getSentBody({})).toEqual({
      model: "test-model",
      messages: [
        { role: "system", content: "Answer briefly." },
        { role: "user", content: "Why is the sky blue?" },
      ],
      temperature: 0.1,
      max_tokens: 256,
      stream: false,
    });
  });

  const extraBody = { chat_template_kwargs: { enable_thinking: false }, provider: { order: ["a", "b"] }, top_k: 20 };
  it.each<[string, Partial<ModelSettings>, Record<string, unknown>]>([
    ["a temperature of 0", { temperature: 0 }, { temperature: 0 }],
    ["topP", { topP: 0.9 }, { top_p: 0.9 }],
    ["a sampling seed of 0", { samplingSeed: 0 }, { seed: 0 }],
    ["stop sequences", { stop: ["END", "STOP"] }, { stop: ["END", "STOP"] }],
    ["a frequency penalty", { frequencyPenalty: 0.5 }, { frequency_penalty: 0.5 }],
    ["a presence penalty of 0", { presencePenalty: 0 }, { presence_penalty: 0 }],
    ["a repetition penalty", { repetitionPenalty: 1.1 }, { repetition_penalty: 1.1 }],
    ["extra fields", { extraBody }, extraBody],
  ])("holds %s", async (_setting, settings, expected) => {
    const without = await getSentBody({});
    expect(await getSentBody(settings)).toEqual({ ...without, ...expected });
  });

  it("holds no temperature if the setting is null", async () => {
    expect(await getSentBody({ temperature: null })).not.toHaveProperty("temperature");
  });

  it.each(["max_tokens", "max_completion_tokens"] as const)("holds the output limit by the name %s, whatever the model is called", async (name) => {
    for (const model of ["openai:x", "openai:gpt-5-mini", "openai:openai/gpt-5-mini"]) {
      const { max_tokens, max_completion_tokens } = await getSentBody({ model, maxTokensParameter: name });
      expect({ max_tokens, max_completion_tokens }).toEqual({ max_tokens: undefined, max_completion_tokens: undefined, [name]: 256 });
    }
  });

  it.each<[ModelSettings["systemRole"], string, readonly string[]]>([
    ["system", "openai:x", ["system", "user"]],
    ["system", "openai:gpt-5-mini", ["system", "user"]],
    ["developer", "openai:x", ["developer", "user"]],
    ["merge", "openai:x", ["user"]],
    ["merge", "openai:gpt-5-mini", ["user"]],
  ])("holds the rules as the setting systemRole says: %s, model %s", async (systemRole, model, roles) => {
    await getSentBody({ model, systemRole });
    const messages = server.requests[0]?.body.messages ?? [];
    expect(messages.map(({ role }) => role)).toEqual(roles);
    expect(messages.map(({ content }) => content).join("\n\n")).toBe("Answer briefly.\n\nWhy is the sky blue?");
  });

  it("is the same in a stream", async () => {
    const settings = { topP: 0.9, extraBody, maxTokensParameter: "max_completion_tokens", systemRole: "developer" } as const;
    const { stream: _, ...body } = await getSentBody(settings);
    await callInStreamedGraph(createModelCaller({ env }), requestWith(settings));
    expect(server.requests.at(-1)?.body).toEqual({ ...body, stream: true, stream_options: { include_usage: true } });
  });
});

describe("the headers of a request", () => {
  it("hold values of environment variables, and Azure's key in place of a bearer token", async () => {
    await createModelCaller({ env })(requestWith({ headers: { "Api-Key": "AZURE_OPENAI_API_KEY", "x-team": "TEAM" } }), {});
    const { headers } = server.requests[0] ?? {};
    expect(headers).toMatchObject({ "api-key": headerValue, "x-team": "physics" });
    expect(headers).not.toHaveProperty("authorization");
  });

  it("hold the bearer token beside headers that carry no key", async () => {
    await createModelCaller({ env })(requestWith({ headers: { "x-team": "TEAM" } }), {});
    expect(server.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${secretKey}`, "x-team": "physics" });
  });

  it("may hold another authorization", async () => {
    await createModelCaller({ env })(requestWith({ headers: { Authorization: "AZURE_OPENAI_API_KEY" } }), {});
    expect(server.requests[0]?.headers.authorization).toBe(headerValue);
  });

  it.each<[string, Record<string, string>, string]>([
    ["is not set", {}, "the environment variable AZURE_OPENAI_API_KEY is not set, which holds the header api-key"],
    ["is empty", { AZURE_OPENAI_API_KEY: " " }, "is not set"],
    ["holds a line break", { AZURE_OPENAI_API_KEY: `${headerValue}\nx: y` }, "contains characters that are not allowed in the header api-key"],
  ])("are refused without a call if a variable %s", async (_what, other, message) => {
    const error = await getRejection(
      createModelCaller({ env: { ...testEnv, ...other } })(requestWith({ headers: { "api-key": "AZURE_OPENAI_API_KEY" } }), {}),
    );
    expect(error).toMatchObject({ name: "ModelCallError", code: "model_invalid_configuration", details: { attempts: 0 } });
    expect(String(error)).toContain(message);
    expect(inspect(error, { depth: 9 })).not.toContain(headerValue);
    expect(server.requests).toEqual([]);
  });

  it("appear in no error, even if the endpoint repeats them", async () => {
    server.setHandler(({ headers }) => ({ status: 400, body: { error: { message: `bad key ${String(headers["api-key"])}` } } }));
    const error = await getRejection(createModelCaller({ env })(requestWith({ headers: { "api-key": "AZURE_OPENAI_API_KEY" } }), {}));
    expect(String(error)).toContain("bad key [secret]");
    expect(inspect(error, { depth: 9 })).not.toContain(headerValue);
  });

  it("are not part of the model, so they appear in no trace and no log", async () => {
    const settings = createModelSettings(server.baseUrl, { headers: { "api-key": "AZURE_OPENAI_API_KEY" } });
    const model = await openaiProvider.create({ name: "test-model", settings, env, timeoutMs: 1000 });
    expect(JSON.stringify(model)).not.toMatch(new RegExp(`${headerValue}|AZURE_OPENAI_API_KEY`));
    expect(inspect(model, { depth: 12, showHidden: true, getters: true })).not.toContain(headerValue);
  });
});

it("models are created again where any setting differs", async () => {
  const callModel = createModelCaller({ env });
  for (const topP of [0.5, 0.6, 0.5]) await callModel(requestWith({ topP }), {});
  for (const extraBody of [{ top_k: 1 }, { top_k: 2 }]) await callModel(requestWith({ extraBody }), {});
  expect(server.requests.map(({ body }) => ({ ...body }))).toMatchObject([
    { top_p: 0.5 },
    { top_p: 0.6 },
    { top_p: 0.5 },
    { top_k: 1 },
    { top_k: 2 },
  ]);
});
