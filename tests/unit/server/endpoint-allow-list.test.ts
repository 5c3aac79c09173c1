import { expect, test } from "vitest";

import { InputError, ModelCallError } from "../../../src/errors.js";
import { parseEndpoints, restrictToEndpoints } from "../../../src/server/endpoint-allow-list.js";
import type { ModelSettings } from "../../../src/state/settings.js";
import { createModelSettings, createRequest } from "../../support/model-requests.js";
import { createScriptedModels } from "../../support/scripted-models.js";

/** Makes one call and returns its error, or null. Checks that a call with an error sends no request. */
async function getCallError(list: string | undefined, baseUrl: string | null, apiKeyEnv: string, overrides: Partial<ModelSettings> = {}) {
  const { callModel, requests } = createScriptedModels();
  const callAllowed = restrictToEndpoints(parseEndpoints(list))(callModel);
  const settings = createModelSettings(baseUrl, { apiKeyEnv, ...overrides });
  const request = createRequest(baseUrl, { caller: { name: "depth", group: "reviewer" }, settings });
  const error: unknown = await callAllowed(request, {}).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(requests).toHaveLength(error === null ? 1 : 0);
  return error;
}

const list = "OPENAI_API_KEY=https://api.openai.com/v1/, LOCAL=http://gpu:8000/v1 , AZURE=https://x.example/openai?api-version=1";

test.each([
  ["OpenAI without a list", undefined, null, "OPENAI_API_KEY"],
  ["OpenAI by its URL", list, "https://api.openai.com/v1", "OPENAI_API_KEY"],
  ["OpenAI by default", list, null, "OPENAI_API_KEY"],
  ["a listed server", list, "http://gpu:8000/v1/", "LOCAL"],
  ["a host in capitals with its default port", "K=https://X.example:443/v1", "https://x.EXAMPLE/v1", "K"],
  ["a listed query", list, "https://x.example/openai?api-version=1", "AZURE"],
  ["any endpoint, if the list is *", "*", "http://anywhere:1/x", "ANY_KEY"],
])("the allow list permits %s", async (_description, text, baseUrl, apiKeyEnv) => {
  expect(await getCallError(text, baseUrl, apiKeyEnv)).toBeNull();
});

test.each([
  ["another host", undefined, "https://evil.example/v1", "OPENAI_API_KEY"],
  ["a host that begins with a listed one", list, "https://api.openai.com.evil.example/v1", "OPENAI_API_KEY"],
  ["a listed host as the user name", list, "https://api.openai.com@evil.example/v1", "OPENAI_API_KEY"],
  ["another scheme", list, "http://api.openai.com/v1", "OPENAI_API_KEY"],
  ["another port", list, "http://gpu:8001/v1", "LOCAL"],
  ["another path", list, "http://gpu:8000/v1/../admin", "LOCAL"],
  ["another query", list, "https://x.example/openai?api-version=2", "AZURE"],
  ["the key of another endpoint", list, "http://gpu:8000/v1", "OPENAI_API_KEY"],
  ["another key at a listed endpoint", list, null, "DATABASE_PASSWORD"],
  ["any endpoint, if the list is empty", "", null, "OPENAI_API_KEY"],
])("the allow list refuses %s", async (_description, text, baseUrl, apiKeyEnv) => {
  const error = await getCallError(text, baseUrl, apiKeyEnv);
  expect(error).toBeInstanceOf(ModelCallError);
  expect(error).toMatchObject({
    code: "model_invalid_configuration",
    details: { caller: { name: "depth", group: "reviewer" }, attempts: 0 },
  });
  expect(String(error)).toMatch(/reviewer "depth" may not call .* \(settings baseUrl and apiKeyEnv\).*REVIEW_INSTRUCT_ENDPOINTS/);
});

test("the allow list permits the offline model everywhere", async () => {
  expect(await getCallError("", "http://anywhere:1", "ANY", { model: "offline" })).toBeNull();
});

test.each(["https://api.openai.com/v1", "lower=https://x.example", "K=ftp://x.example", "K=nonsense", "K=https://me:Zt7secret@x.example"])(
  "an invalid entry of the allow list is refused, and the message does not repeat its secret: %s",
  (entry) => {
    const parse = () => parseEndpoints(`GOOD=https://x.example,${entry}`);
    expect(parse).toThrow(InputError);
    expect(parse).toThrow("REVIEW_INSTRUCT_ENDPOINTS");
    expect(parse).not.toThrow("Zt7secret");
  },
);
