import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { AdaptationEvent } from "../../src/model-calls/adaptation/adaptation-memory.js";
import { describeAdaptation } from "../../src/model-calls/adaptation/describe-adaptation.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { openModels } from "../../src/models/open-models.js";
import type { ModelSettings } from "../../src/state/settings.js";
import { getRejection } from "../support/get-rejection.js";
import { callInStreamedGraph, createModelSettings, createRequest, testEnv } from "../support/model-requests.js";
import { type Handler, type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";
import type { ChatBody } from "../support/openai-wire.js";

let server: OpenAiServer;
let events: AdaptationEvent[];
beforeEach(async () => {
  server = await startOpenAiServer();
  events = [];
});
afterEach(() => server.close());

const createCaller = () => createModelCaller({ env: testEnv, minDelayMs: 1, maxDelayMs: 2, middleware: [], onAdapt: (event) => events.push(event) });
const requestWith = (settings: Partial<ModelSettings> = {}) =>
  createRequest(server.baseUrl, { settings: createModelSettings(server.baseUrl, settings) });
const refuse = (status: number, message: string) => ({ status, body: { error: { message, type: "invalid_request_error" } } });
const hasLimit = (body: ChatBody, name: string) => name in body;
const getRoles = ({ messages }: ChatBody) => messages.map(({ role }) => role).join(" ");

const onlyDefaultTemperature: Handler = ({ body }) =>
  body.temperature === undefined || body.temperature === 1
    ? { content: "ok" }
    : refuse(400, `Unsupported value: 'temperature' does not support ${body.temperature} with this model. Only the default (1) value is supported.`);
const onlyCompletionTokens: Handler = ({ body }) =>
  hasLimit(body, "max_tokens")
    ? refuse(400, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
    : { content: "ok" };
const onlyMaxTokens: Handler = ({ body }) =>
  hasLimit(body, "max_completion_tokens") ? refuse(422, "max_completion_tokens: Extra inputs are not permitted") : { content: "ok" };
const noSystemRole =
  (status: number, message: string): Handler =>
  ({ body }) =>
    /system|developer/.test(getRoles(body)) ? refuse(status, message) : { content: "ok" };
const noDeveloperRole: Handler = ({ body }) =>
  getRoles(body).includes("developer")
    ? refuse(400, "messages[0].role: unknown variant `developer`, expected one of `system`, `user`")
    : { content: "ok" };

const cases: readonly (readonly [what: string, handler: Handler, model: string, part: string, value: string])[] = [
  ["a temperature", onlyDefaultTemperature, "openai:x", "temperature", "none"],
  ["max_tokens", onlyCompletionTokens, "openai:openai/gpt-5-mini", "maxTokensParameter", "max_completion_tokens"],
  ["max_completion_tokens", onlyMaxTokens, "openai:gpt-5-mini", "maxTokensParameter", "max_tokens"],
  ["a system message (Gemma)", noSystemRole(400, "System role not supported"), "openai:x", "systemRole", "merge"],
  [
    "a system message (Mistral)",
    noSystemRole(400, "Conversation roles must alternate user/assistant/user/assistant/..."),
    "openai:x",
    "systemRole",
    "merge",
  ],
  ["a system message with a server error", noSystemRole(500, "Jinja Exception: System role not supported"), "openai:x", "systemRole", "merge"],
  ["a system message without words", noSystemRole(400, "Bad Request"), "openai:x", "systemRole", "merge"],
  ["the role developer", noDeveloperRole, "openai:gpt-5-mini", "systemRole", "system"],
];

describe("a request to an endpoint that refuses a part of it", () => {
  it.each(cases)("is sent again at once without the refused part: %s", async (_what, handler, model, part, value) => {
    server.setHandler(handler);
    const callModel = createCaller();
    for (let i = 0; i < 4; i++) expect((await callModel(requestWith({ model }), {})).text).toBe("ok");
    const isGuess = _what.endsWith("without words");
    expect(server.requests).toHaveLength(isGuess ? 6 : 5);
    expect(events).toEqual([{ model, endpoint: server.baseUrl, part, value, reason: expect.stringMatching(/^HTTP \d+: /) }]);
  });

  it.each(cases)("is sent again in a stream as well: %s", async (_what, handler, model) => {
    server.setHandler(handler);
    const callModel = createCaller();
    for (let i = 0; i < 3; i++) expect((await callInStreamedGraph(callModel, requestWith({ model }))).text).toBe("ok");
    expect(server.requests.length).toBeLessThanOrEqual(5);
    expect(events).toHaveLength(1);
  });

  it("keeps the text of the rules before the question when the roles are merged", async () => {
    server.setHandler(noSystemRole(400, "System role not supported"));
    await createCaller()(requestWith(), {});
    expect(server.requests[1]?.body.messages).toEqual([{ role: "user", content: "Answer briefly.\n\nWhy is the sky blue?" }]);
  });

  it("is changed in every part that is refused, one after the other", async () => {
    const handlers = [onlyDefaultTemperature, onlyCompletionTokens, noSystemRole(400, "System role not supported")];
    server.setHandler(async (request) => {
      for (const handler of handlers) {
        const result = await handler(request);
        if (result && "status" in result) return result;
      }
      return { content: "ok" };
    });
    const callModel = createCaller();
    for (let i = 0; i < 2; i++) expect((await callModel(requestWith(), {})).text).toBe("ok");
    expect(server.requests).toHaveLength(5);
    expect(events.map(({ part }) => part)).toEqual(["temperature", "maxTokensParameter", "systemRole"]);
  });

  it("is changed for its own model and endpoint only, and said once for calls at the same time", async () => {
    server.setHandler((request) => (request.body.model === "strict" ? onlyDefaultTemperature(request) : { content: "ok" }));
    const callModel = createCaller();
    await Promise.all(Array.from({ length: 8 }, () => callModel(requestWith({ model: "openai:strict" }), {})));
    await callModel(requestWith({ model: "openai:other" }), {});
    expect(server.requests.at(-1)?.body.temperature).toBe(0.1);
    expect(events).toHaveLength(1);
  });

  it.each<[string, Partial<ModelSettings>, Handler]>([
    ["systemRole", { systemRole: "system" }, noSystemRole(400, "System role not supported")],
    ["maxTokensParameter", { maxTokensParameter: "max_tokens" }, onlyCompletionTokens],
  ])("fails with the server's words where the setting %s says what to send", async (_name, settings, handler) => {
    server.setHandler(handler);
    const error = await getRejection(createCaller()(requestWith(settings), {}));
    expect(String(error)).toMatch(/System role not supported|'max_tokens' is not supported/);
    expect(server.requests).toHaveLength(1);
    expect(events).toEqual([]);
  });

  it("fails with the server's words, without a loop, if every form is refused", async () => {
    server.setHandler(({ body }) =>
      hasLimit(body, "max_tokens") ? refuse(400, "'max_tokens' is not supported") : refuse(400, "'max_completion_tokens' is not supported"),
    );
    await expect(createCaller()(requestWith(), {})).rejects.toThrow("is not supported");
    expect(server.requests.length).toBeLessThanOrEqual(3);
    expect(events).toEqual([]);
  });

  it("keeps its temperature after an error about the value", async () => {
    server.setHandler(() => refuse(400, "temperature must be less than or equal to 0.05"));
    await expect(createCaller()(requestWith(), {})).rejects.toThrow("less than or equal");
    server.setHandler(() => ({ content: "ok" }));
    await createCaller()(requestWith(), {});
    expect(server.requests.map(({ body }) => body.temperature)).toEqual([0.1, 0.1]);
  });

  it("is not repeated after an abort", async () => {
    const controller = new AbortController();
    server.setHandler((request) => {
      controller.abort(new Error("stopped"));
      return onlyDefaultTemperature(request);
    });
    await expect(createCaller()(requestWith(), { signal: controller.signal })).rejects.toThrow("stopped");
    expect(server.requests).toHaveLength(1);
  });
});

describe("the budget of a job whose requests are adapted", () => {
  it("counts one call for a refused request and the one that replaces it", async () => {
    server.setHandler((request) => {
      const result = onlyDefaultTemperature(request);
      return result && "content" in result ? { ...result, usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } } : result;
    });
    const models = openModels({
      env: testEnv,
      modelNames: ["openai:test-model"],
      prices: {},
      // Enough for the maximum of one call, not of two.
      maxTokens: 800,
      onAdapt: (event) => events.push(event),
    });
    await models.callModel(requestWith(), {});
    expect(models.getUsage()).toMatchObject({ calls: 1, inputTokens: 10, outputTokens: 5 });
    await models.callModel(requestWith(), {});
    expect(models.getUsage()).toMatchObject({ calls: 2, inputTokens: 20, outputTokens: 10 });
    expect(server.requests).toHaveLength(3);
    expect(events).toHaveLength(1);
    models.close();
  });
});

it.each<[AdaptationEvent["part"], string, string]>([
  ["temperature", "none", "takes no temperature, so that none is sent from now on (the same as `temperature: null`)"],
  ["maxTokensParameter", "max_completion_tokens", "takes the output limit as `max_completion_tokens`"],
  ["systemRole", "merge", "takes no system message, so that its text goes into the first user message"],
  ["systemRole", "system", "takes the rules in the role `system`"],
  ["responseFormat", "json_object", "does not take the JSON schema"],
  ["responseFormat", "none", "takes no JSON format"],
])("describeAdaptation says what changes, where, and what the server said: %s %s", (part, value, expected) => {
  const text = describeAdaptation({ model: "openai:x", endpoint: "http://gpu:8000/v1", part, value, reason: "HTTP 400: No way." });
  expect(text).toContain(`openai:x at http://gpu:8000/v1 ${expected}`);
  expect(text).toMatch(/It said: HTTP 400: No way\.$/);
});
