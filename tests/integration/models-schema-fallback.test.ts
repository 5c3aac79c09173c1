import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type ModelCallerOptions, createModelCaller } from "../../src/models/create-model-caller.js";
import { reviewResponseSchema } from "../../src/prompts/reviewer.js";
import { requestTo, settingsFor, testEnv } from "../support/model-requests.js";
import { type Fault, type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const accessWith = (options: ModelCallerOptions = {}) => createModelCaller({ env: testEnv, minDelayMs: 1, ...options });
const reviewRequest = () => requestTo(server.baseUrl, { caller: { name: "depth", group: "reviewer" }, responseFormat: reviewResponseSchema });
/** For each request whether it came with a schema. */
const withSchema = () => server.requests.map(({ body }) => body.response_format !== undefined);

function refuseSchemas(refusal: Fault) {
  server.setHandler(({ body }) => (body.response_format ? refusal : { content: "plain" }));
}

describe("an endpoint that knows no JSON schemas", () => {
  it.each<[string, Fault]>([
    [
      "OpenAI",
      { status: 400, body: { error: { message: "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model." } } },
    ],
    ["vLLM", { status: 400, body: { object: "error", message: "guided decoding backend cannot compile this grammar" } }],
    ["FastAPI", { status: 422, body: { detail: [{ loc: ["body", "response_format", "type"], msg: "Input should be 'text' or 'json_object'" }] } }],
    ["a router", { status: 404, body: { error: { message: "No endpoints found that support structured outputs" } } }],
    ["a simple server", { status: 501, body: "JSON schema not implemented" }],
  ])("%s: is asked again at once without one, and from then on without", async (_name, refusal) => {
    const notices: unknown[] = [];
    refuseSchemas(refusal);
    const access = accessWith({ onRetry: (notice) => notices.push(notice) });
    expect((await access(reviewRequest(), {})).text).toBe("plain");
    expect((await access(reviewRequest(), {})).text).toBe("plain");
    expect(withSchema()).toEqual([true, false, false]);
    expect(notices).toEqual([]);
  });

  it("is remembered by model and endpoint, not for all", async () => {
    const other = await startOpenAiServer();
    refuseSchemas({ status: 400, body: { error: { message: "response_format is not supported" } } });
    const access = accessWith();
    await access(reviewRequest(), {});
    await access({ ...reviewRequest(), settings: settingsFor(other.baseUrl) }, {});
    await access({ ...reviewRequest(), settings: settingsFor(server.baseUrl, { model: "openai:another" }) }, {});
    expect(other.requests.map(({ body }) => body.response_format?.json_schema?.name)).toEqual(["review"]);
    expect(withSchema()).toEqual([true, false, true, false]);
    await other.close();
  });

  it("serves first calls that come all at once", async () => {
    refuseSchemas({ status: 400, body: { error: { message: "response_format is not supported" } }, latencyMs: 20 });
    const access = accessWith();
    const replies = await Promise.all(Array.from({ length: 8 }, () => access(reviewRequest(), {})));
    expect(replies.map(({ text }) => text)).toEqual(Array(8).fill("plain"));
    await access(reviewRequest(), {});
    expect(withSchema().filter((schema) => schema)).toHaveLength(8);
    expect(withSchema()).toHaveLength(17);
  });

  it("is still asked again when the plain request fails in passing", async () => {
    let plain = 0;
    server.setHandler(({ body }) => {
      if (body.response_format) return { status: 400, body: { error: { message: "response_format is not supported" } } };
      return plain++ === 0 ? { status: 503 } : { content: "plain" };
    });
    expect((await accessWith()(reviewRequest(), {})).text).toBe("plain");
  });
});

describe("an endpoint that knows JSON schemas", () => {
  it.each<Fault>([
    { status: 400, body: { error: { message: "temperature must be at most 1" } } },
    { status: 401, body: { error: { message: "no access to response_format" } } },
  ])("keeps them, and other failures stay failures: %j", async (fault) => {
    const access = accessWith();
    server.setHandler(() => fault);
    await expect(access(reviewRequest(), {})).rejects.toMatchObject({ details: { attempts: 1 } });
    server.setHandler(() => undefined);
    await access(reviewRequest(), {});
    expect(withSchema()).toEqual([true, true]);
  });

  it("keeps them when the plain request is refused just the same", async () => {
    const access = accessWith();
    server.setHandler(() => ({ status: 404, body: { error: { message: "no model named guided-7b" } } }));
    await expect(access(reviewRequest(), {})).rejects.toMatchObject({ code: "model_not_found" });
    server.setHandler(() => undefined);
    await access(reviewRequest(), {});
    expect(withSchema()).toEqual([true, false, true]);
  });
});
