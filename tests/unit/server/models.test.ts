import { expect, test } from "vitest";

import { InputError } from "../../../src/errors.js";
import { createServerModelCaller } from "../../../src/server/models.js";
import { createModelSettings, createRequest } from "../../support/model-requests.js";

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
