import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type ModelCallerOptions, createModelCaller } from "../../src/models/create-model-caller.js";
import { reviewResponseSchema } from "../../src/prompts/reviewer.js";
import { createModelSettings, createRequest, testEnv } from "../support/model-requests.js";
import { type FailedResponse, type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const createCaller = (options: ModelCallerOptions = {}) => createModelCaller({ env: testEnv, minDelayMs: 1, ...options });
const createReviewRequest = () =>
  createRequest(server.baseUrl, { caller: { name: "depth", group: "reviewer" }, responseFormat: reviewResponseSchema });
/** Returns for each request whether it had a schema. */
const getSchemaUse = () => server.requests.map(({ body }) => body.response_format !== undefined);

function rejectSchemas(rejection: FailedResponse) {
  server.setHandler(({ body }) => (body.response_format ? rejection : { content: "plain" }));
}

describe("withSchemaFallback for an endpoint without JSON schemas", () => {
  it.each<[string, FailedResponse]>([
    [
      "OpenAI",
      { status: 400, body: { error: { message: "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model." } } },
    ],
    ["vLLM", { status: 400, body: { object: "error", message: "guided decoding backend cannot compile this grammar" } }],
    ["FastAPI", { status: 422, body: { detail: [{ loc: ["body", "response_format", "type"], msg: "Input should be 'text' or 'json_object'" }] } }],
    ["a router", { status: 404, body: { error: { message: "No endpoints found that support structured outputs" } } }],
    ["a simple server", { status: 501, body: "JSON schema not implemented" }],
  ])("sends the request again at once without a schema, and later requests too (error of %s)", async (_name, rejection) => {
    const retries: unknown[] = [];
    rejectSchemas(rejection);
    const callModel = createCaller({ onRetry: (event) => retries.push(event) });
    expect((await callModel(createReviewRequest(), {})).text).toBe("plain");
    expect((await callModel(createReviewRequest(), {})).text).toBe("plain");
    expect(getSchemaUse()).toEqual([true, false, false]);
    expect(retries).toEqual([]);
  });

  it("remembers the rejection for the model and endpoint only", async () => {
    const other = await startOpenAiServer();
    rejectSchemas({ status: 400, body: { error: { message: "response_format is not supported" } } });
    const callModel = createCaller();
    await callModel(createReviewRequest(), {});
    await callModel({ ...createReviewRequest(), settings: createModelSettings(other.baseUrl) }, {});
    await callModel({ ...createReviewRequest(), settings: createModelSettings(server.baseUrl, { model: "openai:another" }) }, {});
    expect(other.requests.map(({ body }) => body.response_format?.json_schema?.name)).toEqual(["review"]);
    expect(getSchemaUse()).toEqual([true, false, true, false]);
    await other.close();
  });

  it("handles several first calls at the same time", async () => {
    rejectSchemas({ status: 400, body: { error: { message: "response_format is not supported" } }, latencyMs: 20 });
    const callModel = createCaller();
    const responses = await Promise.all(Array.from({ length: 8 }, () => callModel(createReviewRequest(), {})));
    expect(responses.map(({ text }) => text)).toEqual(Array(8).fill("plain"));
    await callModel(createReviewRequest(), {});
    expect(getSchemaUse().filter((hasSchema) => hasSchema)).toHaveLength(8);
    expect(getSchemaUse()).toHaveLength(17);
  });

  it("retries if the request without a schema fails temporarily", async () => {
    let plainRequests = 0;
    server.setHandler(({ body }) => {
      if (body.response_format) return { status: 400, body: { error: { message: "response_format is not supported" } } };
      return plainRequests++ === 0 ? { status: 503 } : { content: "plain" };
    });
    expect((await createCaller()(createReviewRequest(), {})).text).toBe("plain");
  });
});

describe("withSchemaFallback for an endpoint with JSON schemas", () => {
  it.each<FailedResponse>([
    { status: 400, body: { error: { message: "temperature must be at most 1" } } },
    { status: 401, body: { error: { message: "no access to response_format" } } },
  ])("keeps sending schemas after another error: %j", async (failure) => {
    const callModel = createCaller();
    server.setHandler(() => failure);
    await expect(callModel(createReviewRequest(), {})).rejects.toMatchObject({ details: { attempts: 1 } });
    server.setHandler(() => undefined);
    await callModel(createReviewRequest(), {});
    expect(getSchemaUse()).toEqual([true, true]);
  });

  it("keeps sending schemas if the request without a schema is rejected, too", async () => {
    const callModel = createCaller();
    server.setHandler(() => ({ status: 404, body: { error: { message: "no model named guided-7b" } } }));
    await expect(callModel(createReviewRequest(), {})).rejects.toMatchObject({ code: "model_not_found" });
    server.setHandler(() => undefined);
    await callModel(createReviewRequest(), {});
    expect(getSchemaUse()).toEqual([true, false, true]);
  });
});
