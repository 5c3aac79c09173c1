import { describe, expect, it } from "vitest";

import { InputError, ModelCallError } from "../../../src/errors.js";
import { allowEndpoints, parseEndpoints } from "../../../src/server/endpoint-allow-list.js";
import type { ModelSettings } from "../../../src/state/settings.js";
import { requestTo, settingsFor } from "../../support/model-requests.js";
import { createScriptedModels } from "../../support/scripted-models.js";

/** What becomes of one call, and whether it went out. */
async function call(list: string | undefined, baseUrl: string | null, apiKeyEnv: string, overrides: Partial<ModelSettings> = {}) {
  const { callModel, requests } = createScriptedModels();
  const access = allowEndpoints(parseEndpoints(list))(models);
  const request = requestTo(baseUrl, { caller: { name: "depth", group: "reviewer" }, settings: settingsFor(baseUrl, { apiKeyEnv, ...overrides }) });
  const error: unknown = await access(request, {}).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(requests).toHaveLength(error === null ? 1 : 0);
  return error;
}

const list = "OPENAI_API_KEY=https://api.openai.com/v1/, LOCAL=http://gpu:8000/v1 , AZURE=https://x.example/openai?api-version=1";

describe("an operator's list of endpoints", () => {
  it.each([
    ["OpenAI, by default", undefined, null, "OPENAI_API_KEY"],
    ["OpenAI, spelled out", list, "https://api.openai.com/v1", "OPENAI_API_KEY"],
    ["OpenAI, implied", list, null, "OPENAI_API_KEY"],
    ["a server of one's own", list, "http://gpu:8000/v1/", "LOCAL"],
    ["capitals in the host, the default port", "K=https://X.example:443/v1", "https://x.EXAMPLE/v1", "K"],
    ["a query", list, "https://x.example/openai?api-version=1", "AZURE"],
    ["everything", "*", "http://anywhere:1/x", "ANY_KEY"],
  ])("lets out %s", async (_what, text, baseUrl, key) => {
    expect(await call(text, baseUrl, key)).toBeNull();
  });

  it.each([
    ["another host", undefined, "https://evil.example/v1", "OPENAI_API_KEY"],
    ["a host that only begins alike", list, "https://api.openai.com.evil.example/v1", "OPENAI_API_KEY"],
    ["the host as a user name", list, "https://api.openai.com@evil.example/v1", "OPENAI_API_KEY"],
    ["another scheme", list, "http://api.openai.com/v1", "OPENAI_API_KEY"],
    ["another port", list, "http://gpu:8001/v1", "LOCAL"],
    ["another path", list, "http://gpu:8000/v1/../admin", "LOCAL"],
    ["another query", list, "https://x.example/openai?api-version=2", "AZURE"],
    ["the key of another endpoint", list, "http://gpu:8000/v1", "OPENAI_API_KEY"],
    ["another key at the same endpoint", list, null, "DATABASE_PASSWORD"],
    ["anything, with an empty list", "", null, "OPENAI_API_KEY"],
  ])("holds back %s", async (_what, text, baseUrl, key) => {
    const error = await call(text, baseUrl, key);
    expect(error).toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject({ code: "model_invalid_configuration", details: { role: "reviewer", attempts: 0 } });
    expect(String(error)).toMatch(/reviewer "depth" may not call .* \(settings baseUrl and apiKeyEnv\).*REVIEW_INSTRUCT_ENDPOINTS/);
  });

  it("has nothing to do with the offline model", async () => {
    expect(await call("", "http://anywhere:1", "ANY", { model: "offline" })).toBeNull();
  });

  it.each(["https://api.openai.com/v1", "lower=https://x.example", "K=ftp://x.example", "K=nonsense", "K=https://me:Zt7secret@x.example"])(
    "is refused where an entry makes no sense, without repeating it: %s",
    (entry) => {
      const parse = () => parseEndpoints(`GOOD=https://x.example,${entry}`);
      expect(parse).toThrow(InputError);
      expect(parse).toThrow("REVIEW_INSTRUCT_ENDPOINTS");
      expect(parse).not.toThrow("Zt7secret");
    },
  );
});
