import { describe, expect, it } from "vitest";

import { InputError } from "../../../src/errors.js";
import { createServerModelCaller } from "../../../src/server/models.js";
import { requestTo, settingsFor } from "../../support/model-requests.js";

describe("models of a server", () => {
  it("know OpenAI alone where the operator says nothing", async () => {
    const models = createServerModelCaller({});
    const request = requestTo("http://127.0.0.1:9/v1", { settings: settingsFor("http://127.0.0.1:9/v1", { apiKeyEnv: "OPENAI_API_KEY" }) });
    await expect(models(request, {})).rejects.toMatchObject({ code: "model_invalid_configuration" });
  });

  it.each([
    [{ REVIEW_INSTRUCT_RPM: "many" }, "REVIEW_INSTRUCT_RPM"],
    [{ REVIEW_INSTRUCT_MAX_CONCURRENCY: "0" }, "REVIEW_INSTRUCT_MAX_CONCURRENCY"],
    [{ REVIEW_INSTRUCT_TIMEOUT: "-1" }, "REVIEW_INSTRUCT_TIMEOUT"],
    [{ REVIEW_INSTRUCT_ENDPOINTS: "nonsense" }, "REVIEW_INSTRUCT_ENDPOINTS"],
  ])("refuse an environment that makes no sense: %j", (env, said) => {
    expect(() => createServerModelCaller(env)).toThrow(InputError);
    expect(() => createServerModelCaller(env)).toThrow(said);
  });

  it("take an empty variable for none", () => {
    expect(createServerModelCaller({ REVIEW_INSTRUCT_RPM: "", REVIEW_INSTRUCT_TPM: " " })).toBeTypeOf("function");
  });
});
