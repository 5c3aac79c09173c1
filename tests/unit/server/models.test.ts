import { expect, test } from "vitest";

import { InputError } from "../../../src/errors.js";
import { createServerModelCaller } from "../../../src/server/models.js";
import type { ModelSettings } from "../../../src/state/settings.js";
import { getRejection } from "../../support/get-rejection.js";
import { createModelSettings, createRequest } from "../../support/model-requests.js";
import { startOpenAiServer } from "../../support/openai-server.js";

test("a server without a list of endpoints only calls OpenAI", async () => {
  const callModel = createServerModelCaller({});
  const baseUrl = "http://127.0.0.1:9/v1";
  const request = createRequest(baseUrl, { settings: createModelSettings(baseUrl, { apiKeyEnv: "OPENAI_API_KEY" }) });
  await expect(callModel(request, {})).rejects.toMatchObject({ code: "model_invalid_configuration" });
});

test.each([
  [{ REVIEW_INSTRUCT_RPM: "many" }, "REVIEW_INSTRUCT_RPM"],
  [{ REVIEW_INSTRUCT_MAX_CONCURRENCY: "0" }, "REVIEW_INSTRUCT_MAX_CONCURRENCY"],
  [{ REVIEW_INSTRUCT_TIMEOUT: "-1" }, "REVIEW_INSTRUCT_TIMEOUT"],
  [{ REVIEW_INSTRUCT_ENDPOINTS: "nonsense" }, "REVIEW_INSTRUCT_ENDPOINTS"],
])("an invalid variable is an input error that names it: %j", (env, name) => {
  expect(() => createServerModelCaller(env)).toThrow(InputError);
  expect(() => createServerModelCaller(env)).toThrow(name);
});

test("an empty variable counts as not set", () => {
  expect(createServerModelCaller({ REVIEW_INSTRUCT_RPM: "", REVIEW_INSTRUCT_TPM: " " })).toBeTypeOf("function");
});

test.each<[string, Partial<ModelSettings>]>([
  ["extraBody", { extraBody: { chat_template_kwargs: { enable_thinking: false } } }],
  ["headers", { headers: { "x-secret": "DATABASE_PASSWORD" } }],
])("a server refuses the setting %s in requests, whatever endpoints it allows", async (name, overrides) => {
  const server = await startOpenAiServer();
  const callModel = createServerModelCaller({ REVIEW_INSTRUCT_ENDPOINTS: "*", DATABASE_PASSWORD: "Zt7-very-secret-value-91" });
  const error = await getRejection(callModel(createRequest(server.baseUrl, { settings: createModelSettings(server.baseUrl, overrides) }), {}));
  await server.close();
  expect(error).toMatchObject({ code: "model_invalid_configuration", details: { caller: { name: "candidate" }, attempts: 0 } });
  expect(String(error)).toContain(`may not set ${name} on a server`);
  expect(String(error)).not.toMatch(/DATABASE_PASSWORD|secret-value/);
  expect(server.requests).toEqual([]);
});

test("a server accepts extraBody and headers that hold nothing, as its form sends them", async () => {
  const server = await startOpenAiServer();
  const callModel = createServerModelCaller({ REVIEW_INSTRUCT_ENDPOINTS: "*" });
  await callModel(createRequest(server.baseUrl, { settings: createModelSettings(server.baseUrl, { extraBody: {}, headers: {} }) }), {});
  await server.close();
  expect(server.requests).toHaveLength(1);
});
