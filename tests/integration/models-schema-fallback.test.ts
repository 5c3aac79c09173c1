import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type ModelCallerOptions, createModelCaller } from "../../src/models/create-model-caller.js";
import { reviewResponseSchema } from "../../src/prompts/reviewer.js";
import { callInStreamedGraph, createModelSettings, createRequest, testEnv } from "../support/model-requests.js";
import { type FailedResponse, type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

type Format = "schema" | "object" | "none";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const createCaller = (options: ModelCallerOptions = {}) => createModelCaller({ env: testEnv, minDelayMs: 1, maxDelayMs: 2, ...options });
const createReviewRequest = () =>
  createRequest(server.baseUrl, { caller: { name: "depth", group: "reviewer" }, responseFormat: reviewResponseSchema });
const createPlainRequest = () => createRequest(server.baseUrl);
/** Returns the format of each request. */
const getFormats = () => server.requests.map(({ body }): Format => getFormat(body.response_format?.type));
const getFormat = (type: string | undefined): Format => (type === undefined ? "none" : type === "json_schema" ? "schema" : "object");

function refuseFormats(refusal: FailedResponse, refused: readonly Format[] = ["schema", "object"]) {
  server.setHandler(({ body }) => (refused.includes(getFormat(body.response_format?.type)) ? refusal : { content: "usable" }));
}

const openAiError = (status: number, message: string): FailedResponse => ({ status, body: { error: { message } } });

/** What servers answer to a request with a JSON schema, in their own words. */
const refusals: [string, FailedResponse][] = [
  ["OpenAI", openAiError(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.")],
  ["vLLM", { status: 400, body: { object: "error", message: "guided decoding backend cannot compile this grammar" } }],
  ["FastAPI", { status: 422, body: { detail: [{ loc: ["body", "response_format", "type"], msg: "Input should be 'text' or 'json_object'" }] } }],
  ["llama-cpp-python", openAiError(500, "[{'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]")],
  ["llama.cpp", openAiError(500, "Failed to initialize samplers: failed to parse grammar")],
  ["Google", openAiError(400, "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema'")],
  ["Anthropic", openAiError(400, "For 'integer' type, properties maximum, minimum are not supported")],
  ["a strict server", openAiError(422, "body.strict: Extra inputs are not permitted")],
  ["Groq", openAiError(400, "Failed to generate JSON. Please adjust your prompt.")],
  ["a router", openAiError(404, "No endpoints found that support structured outputs")],
  ["a simple server", { status: 501, body: "JSON schema not implemented" }],
];

describe("a request whose JSON schema is refused", () => {
  it.each(refusals)("is sent again at once for any JSON object, and later requests too (error of %s)", async (_name, refusal) => {
    const retries: unknown[] = [];
    refuseFormats(refusal, ["schema"]);
    const callModel = createCaller({ onRetry: (event) => retries.push(event) });
    expect((await callModel(createReviewRequest(), {})).text).toBe("usable");
    expect((await callModel(createReviewRequest(), {})).text).toBe("usable");
    expect(getFormats()).toEqual(["schema", "object", "object"]);
    expect(server.requests[1]?.body.response_format).toEqual({ type: "json_object" });
    expect(retries).toEqual([]);
  });

  it.each(refusals)("is sent without a format where any JSON format is refused (error of %s)", async (_name, refusal) => {
    refuseFormats(refusal);
    const callModel = createCaller();
    for (let i = 0; i < 3; i++) expect((await callModel(createReviewRequest(), {})).text).toBe("usable");
    expect(getFormats()).toEqual(["schema", "object", "none", "none", "none"]);
  });

  it("is sent again in a stream as well", async () => {
    refuseFormats(openAiError(400, "response_format is not supported"));
    const callModel = createCaller();
    expect((await callInStreamedGraph(callModel, createReviewRequest())).text).toBe("usable");
    expect((await callInStreamedGraph(callModel, createReviewRequest())).text).toBe("usable");
    expect(getFormats()).toEqual(["schema", "object", "none", "none"]);
    expect(server.requests.every(({ body }) => body.stream)).toBe(true);
  });

  it("is remembered for the model and endpoint only", async () => {
    const other = await startOpenAiServer();
    refuseFormats(openAiError(400, "response_format is not supported"));
    const callModel = createCaller();
    await callModel(createReviewRequest(), {});
    await callModel({ ...createReviewRequest(), settings: createModelSettings(other.baseUrl) }, {});
    await callModel({ ...createReviewRequest(), settings: createModelSettings(server.baseUrl, { model: "openai:another" }) }, {});
    expect(other.requests.map(({ body }) => body.response_format?.json_schema?.name)).toEqual(["review"]);
    expect(getFormats()).toEqual(["schema", "object", "none", "schema", "object", "none"]);
    await other.close();
  });

  it("is remembered for its schema only, as another one may lack what is refused", async () => {
    server.setHandler(({ body }) =>
      body.response_format?.json_schema?.name === "review" ? openAiError(400, "minimum is not supported") : { content: "usable" },
    );
    const callModel = createCaller();
    const createOther = () => ({ ...createReviewRequest(), responseFormat: { name: "other", schema: { type: "object" } } });
    for (const request of [createReviewRequest(), createOther(), createReviewRequest(), createOther()]) await callModel(request, {});
    expect(getFormats()).toEqual(["schema", "object", "schema", "object", "schema"]);
  });

  it("is answered where several first calls come at the same time", async () => {
    refuseFormats({ ...openAiError(400, "response_format is not supported"), latencyMs: 20 });
    const callModel = createCaller();
    const responses = await Promise.all(Array.from({ length: 8 }, () => callModel(createReviewRequest(), {})));
    expect(responses.map(({ text }) => text)).toEqual(Array(8).fill("usable"));
    const before = server.requests.length;
    await callModel(createReviewRequest(), {});
    expect(getFormats().slice(before)).toEqual(["none"]);
  });

  it("is retried if the request without a format fails temporarily", async () => {
    let plainRequests = 0;
    server.setHandler(({ body }) => {
      if (body.response_format) return openAiError(400, "response_format is not supported");
      return plainRequests++ === 0 ? { status: 503 } : { content: "usable" };
    });
    expect((await createCaller()(createReviewRequest(), {})).text).toBe("usable");
  });
});

describe("a request with a JSON schema that fails without a reason", () => {
  it.each<[string, FailedResponse]>([
    ["a bare 400", { status: 400, body: { error: { message: "Bad Request" } } }],
    ["a bare 422", { status: 422, body: "" }],
    ["a 400 in unknown words", openAiError(400, "This combination is not available")],
  ])("is tried once without a format, which is kept if it works (%s)", async (_name, refusal) => {
    refuseFormats(refusal);
    const callModel = createCaller();
    for (let i = 0; i < 4; i++) expect((await callModel(createReviewRequest(), {})).text).toBe("usable");
    expect(getFormats()).toEqual(["schema", "none", "schema", "none", "none", "none"]);
  });

  it("is tried without a format after a 500, where other requests are answered", async () => {
    refuseFormats(openAiError(500, "Internal server error"));
    const callModel = createCaller();
    await callModel(createPlainRequest(), {});
    for (let i = 0; i < 3; i++) expect((await callModel(createReviewRequest(), {})).text).toBe("usable");
    expect(getFormats()).toEqual(["none", "schema", "none", "schema", "none", "none"]);
  });

  it("is tried without a format after a second 500, where nothing else was sent", async () => {
    refuseFormats(openAiError(500, "Internal server error"));
    expect((await createCaller()(createReviewRequest(), {})).text).toBe("usable");
    expect(getFormats()).toEqual(["schema", "schema", "none"]);
  });

  it("keeps its schema after a 500 that passes", async () => {
    let requests = 0;
    server.setHandler(() => (requests++ === 0 ? { status: 500 } : { content: "usable" }));
    const callModel = createCaller();
    for (let i = 0; i < 3; i++) await callModel(createReviewRequest(), {});
    expect(getFormats()).toEqual(["schema", "schema", "schema", "schema"]);
  });

  it("reports the first error if the request without a format fails as well", async () => {
    server.setHandler(({ body }) => openAiError(400, body.response_format ? "No." : "Never."));
    await expect(createCaller()(createReviewRequest(), {})).rejects.toThrow("HTTP 400: No.");
  });

  it("is no longer tried without a format after three times without success", async () => {
    server.setHandler(() => openAiError(400, "Bad Request"));
    const callModel = createCaller({ middleware: [] });
    for (let i = 0; i < 6; i++) await callModel(createReviewRequest(), {}).catch(() => undefined);
    expect(getFormats().filter((format) => format === "none")).toHaveLength(3);
  });

  it("keeps the schema where one prompt among many is refused", async () => {
    let isRefused = false;
    server.setHandler(({ body }) => (isRefused && body.response_format ? openAiError(400, "Failed to generate JSON.") : { content: "usable" }));
    const callModel = createCaller();
    await callModel(createReviewRequest(), {});
    isRefused = true;
    expect((await callModel(createReviewRequest(), {})).text).toBe("usable");
    isRefused = false;
    await callModel(createReviewRequest(), {});
    expect(getFormats()).toEqual(["schema", "schema", "object", "none", "schema"]);
  });
});

describe("a request with a JSON schema at an endpoint that takes it", () => {
  it.each<FailedResponse>([openAiError(400, "temperature must be at most 1"), openAiError(401, "no access to response_format")])(
    "keeps its schema after another error: %j",
    async (failure) => {
      const callModel = createCaller({ middleware: [] });
      server.setHandler(() => failure);
      await expect(callModel(createReviewRequest(), {})).rejects.toMatchObject({ details: { attempts: 1 } });
      server.setHandler(() => undefined);
      await callModel(createReviewRequest(), {});
      expect(getFormats()).toEqual(["schema", "schema"]);
    },
  );

  it("keeps its schema if the requests without it are rejected, too", async () => {
    const callModel = createCaller({ middleware: [] });
    server.setHandler(() => openAiError(404, "no model named guided-7b"));
    await expect(callModel(createReviewRequest(), {})).rejects.toMatchObject({ code: "model_not_found" });
    server.setHandler(() => undefined);
    await callModel(createReviewRequest(), {});
    expect(getFormats()).toEqual(["schema", "object", "none", "schema"]);
  });
});
