import { afterEach, describe, expect, it } from "vitest";

import { formatCheck } from "../../src/cli/output/format-check.js";
import { checkModel } from "../../src/models/check/check-model.js";
import type { CheckName, Finding, ModelCheck } from "../../src/models/check/finding.js";
import type { ModelSettings } from "../../src/state/settings.js";
import { getRejection } from "../support/get-rejection.js";
import { type HttpReply, type HttpRequest, type HttpServer, startHttpServer } from "../support/http-server.js";
import { createModelSettings, secretKey, testEnv } from "../support/model-requests.js";

/** What a server does otherwise than a good one. */
interface ServerTraits {
  /** Answers a request of this kind itself. */
  readonly refuse?: (request: HttpRequest) => HttpReply | undefined;
  readonly ignoresSchema?: boolean;
  readonly ignoresLimit?: boolean;
  readonly hasUsage?: boolean;
  readonly ignoresRules?: boolean;
  readonly text?: string;
  readonly models?: unknown;
  readonly props?: unknown;
}

const review = '{"critique":"Right.","score":9,"verdict":"positive"}';
const refuse = (message: string, status = 400): HttpReply => ({ status, body: { error: { message } } });
const getText = (request: HttpRequest) => JSON.stringify(request.body.messages ?? []);
const getFormat = (request: HttpRequest) => JSON.stringify(request.body.response_format ?? null);

function answer(request: HttpRequest, traits: ServerTraits): HttpReply {
  if (request.url.endsWith("/models")) return traits.models === undefined ? refuse("no", 404) : { body: traits.models };
  if (request.url.endsWith("/props")) return traits.props === undefined ? refuse("no", 404) : { body: traits.props };
  const refused = traits.refuse?.(request);
  if (refused) return refused;
  const asksForJson = /JSON object/.test(getText(request)) || (getFormat(request) !== "null" && !traits.ignoresSchema);
  const isCounting = getText(request).includes("from 1 to 200");
  const followsRule = getText(request).includes("BANANA") && !traits.ignoresRules;
  const content =
    traits.text ??
    (isCounting ? "one, two, three, four" : asksForJson ? review : followsRule ? "BANANA" : "Blue light is scattered the most by air.");
  const tokens = isCounting ? (traits.ignoresLimit ? 900 : 24) : 12;
  return {
    body: {
      id: "1",
      object: "chat.completion",
      created: 1,
      model: "served-model",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: isCounting && !traits.ignoresLimit ? "length" : "stop" }],
      ...(traits.hasUsage === false ? {} : { usage: { prompt_tokens: 30, completion_tokens: tokens, total_tokens: 30 + tokens } }),
    },
  };
}

let server: HttpServer | undefined;
afterEach(() => server?.close());

async function check(traits: ServerTraits, overrides: Partial<ModelSettings> = {}): Promise<ModelCheck> {
  server = await startHttpServer((request) => answer(request, traits));
  const settings = createModelSettings(`${server.origin}/v1`, overrides);
  return checkModel({ settings, roles: ["candidate"] }, { env: testEnv, timeoutMs: 5000, maxRetries: 0 });
}

function find({ findings }: ModelCheck, name: CheckName): Finding | undefined {
  return findings.findLast((finding) => finding.name === name);
}

describe("checkModel", () => {
  it("finds no fault in a server that can do everything, in five calls", async () => {
    const result = await check({ models: { data: [{ id: "test-model", max_model_len: 32768 }] } });
    expect(result.findings.map(({ name, status }) => [name, status])).toEqual([
      ["chat", "ok"],
      ["usage", "ok"],
      ["speed", "ok"],
      ["system role", "ok"],
      ["structured output", "ok"],
      ["output limit", "ok"],
      ["context length", "ok"],
    ]);
    expect(result).toMatchObject({ model: "openai:test-model", endpoint: `${server?.origin}/v1`, roles: ["candidate"], settings: {} });
    expect(find(result, "context length")?.detail).toBe("32768 tokens");
    expect(server?.requests.filter(({ method }) => method === "POST")).toHaveLength(5);
    expect(formatCheck(result).join("\n")).toMatch(/^openai:test-model at http.*\(candidate\)\n {2}chat +ok +answers as served-model\n/);
  });

  it.each<[string, ServerTraits, CheckName, Finding["status"], string | RegExp, Partial<ModelSettings>]>([
    ["no usage", { hasUsage: false }, "usage", "note", "not reported: budgets count estimates", {}],
    ["a schema that is ignored", { ignoresSchema: true }, "structured output", "note", "json_schema is accepted but ignored", {}],
    [
      "a schema that is refused",
      { refuse: (request) => (getFormat(request).includes("json_schema") ? refuse("Input should be 'text' or 'json_object'", 500) : undefined) },
      "structured output",
      "note",
      /^json_schema is refused \(HTTP 500: Input should be 'text' or 'json_object'\); json_object works$/,
      {},
    ],
    [
      "every format that is refused",
      { refuse: (request) => (getFormat(request) === "null" ? undefined : refuse("response_format is not supported")) },
      "structured output",
      "note",
      "the prompt alone works",
      {},
    ],
    ["replies that are never JSON", { text: "I'd say it is fine." }, "structured output", "fault", "reviewers would abstain", {}],
    ["a limit that is ignored", { ignoresLimit: true }, "output limit", "fault", "ignored: 900 tokens", {}],
    ["rules that are not followed", { ignoresRules: true }, "system role", "note", "did not follow", {}],
    [
      "a refused system role",
      { refuse: (request) => (/"role":"system"/.test(getText(request)) ? refuse("System role not supported") : undefined) },
      "system role",
      "note",
      "refused (HTTP 400: System role not supported)",
      { systemRole: "merge" },
    ],
    [
      "a refused temperature",
      { refuse: ({ body }) => (body.temperature === undefined ? undefined : refuse("Unsupported value: 'temperature' does not support 0.1")) },
      "chat",
      "ok",
      "answers as",
      { temperature: null },
    ],
    ["a small context", { models: { data: [{ id: "other", meta: { n_ctx_train: 2048 } }] } }, "context length", "note", "need more", {}],
    [
      "slots",
      { props: { total_slots: 4, default_generation_settings: { n_ctx: 8192 } } },
      "context length",
      "ok",
      "8192 tokens in each of 4 slots: use --max-concurrency 4",
      {},
    ],
    ["an empty answer", { text: "" }, "chat", "fault", "the answer is empty", {}],
    [
      "a value above its bounds",
      { refuse: ({ body }) => (body.temperature === undefined ? undefined : refuse("temperature must be at most 0.05")) },
      "chat",
      "fault",
      "at most 0.05",
      {},
    ],
    ["a wrong key", { refuse: () => refuse(`bad key ${secretKey}`, 401) }, "chat", "fault", "Check the key in the environment variable TEST_KEY", {}],
  ])("describes %s", async (_name, traits, name, status, detail, settings) => {
    const result = await check(traits);
    expect(find(result, name)).toMatchObject({
      status,
      detail: typeof detail === "string" ? expect.stringContaining(detail) : expect.stringMatching(detail),
    });
    expect(result.settings).toEqual(settings);
    expect(JSON.stringify(result)).not.toContain(secretKey);
  });

  it("tries nothing else if a plain question brings no answer", async () => {
    expect((await check({ refuse: () => refuse("no such model", 404) })).findings).toHaveLength(1);
    expect(server?.requests).toHaveLength(1);
  });

  it("throws for settings with which nothing can be sent", async () => {
    const settings = createModelSettings(null, { apiKeyEnv: "MISSING_KEY" });
    const error = await getRejection(checkModel({ settings, roles: ["candidate"] }, { env: {}, timeoutMs: 5000, maxRetries: 0 }));
    expect(error).toMatchObject({ code: "model_invalid_configuration", message: expect.stringContaining("MISSING_KEY is not set") });
  });
});
