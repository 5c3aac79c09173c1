import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import type { Adaptation } from "../../../../src/model-calls/adaptation/adaptation.js";
import { findRefusal } from "../../../../src/model-calls/adaptation/find-refusal.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import type { ModelRequest } from "../../../../src/model-calls/model-call.js";
import { reviewResponseSchema } from "../../../../src/prompts/reviewer.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";

const baseUrl = "http://127.0.0.1:9/v1";
const plain = createRequest(baseUrl);
const formatted = createRequest(baseUrl, { responseFormat: reviewResponseSchema });

function createError(status: number, message: string): AttemptError {
  const code = status === 404 ? "model_not_found" : status >= 500 ? "model_unavailable" : "model_bad_request";
  return new AttemptError(code, `HTTP ${status}: ${message}`, { retryable: status >= 500, status });
}

const refusals: [server: string, status: number, message: string, change: Adaptation, sent?: ModelRequest][] = [
  // Temperature
  [
    "OpenAI",
    400,
    "Unsupported value: 'temperature' does not support 0.1 with this model. Only the default (1) value is supported.",
    { temperature: "none" },
  ],
  ["OpenAI o1", 400, "Unsupported parameter: 'temperature' is not supported with this model.", { temperature: "none" }],
  [
    "LiteLLM",
    400,
    "litellm.UnsupportedParamsError: gpt-5 models (including gpt-5-codex) don't support temperature=0.1. Only temperature=1 is supported.",
    { temperature: "none" },
  ],
  ["Moonshot", 400, "invalid temperature: only 1 is allowed for this model", { temperature: "none" }],
  ["Anthropic", 400, "`temperature` is deprecated for this model.", { temperature: "none" }],
  ["Anthropic", 400, "`temperature` may only be set to 1 when thinking is enabled.", { temperature: "none" }],
  ["Anthropic", 400, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", { temperature: "none" }],
  ["Azure", 400, "Unrecognized request argument supplied: temperature", { temperature: "none" }],
  [
    "FastAPI",
    422,
    '[{"type":"extra_forbidden","loc":["body","temperature"],"msg":"Extra inputs are not permitted","input":0.1}]',
    { temperature: "none" },
  ],
  ["a router", 500, "The parameter temperature is not supported by this deployment", { temperature: "none" }],
  ["a router", 400, "Unknown parameter: 'temperature'.", { temperature: "none" }],
  ["a router", 400, "This model does not support the following parameters: temperature", { temperature: "none" }],
  // Output limit
  [
    "OpenAI",
    400,
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    { maxTokensParameter: "max_completion_tokens" },
  ],
  ["a router", 400, "max_tokens is deprecated, use max_completion_tokens", { maxTokensParameter: "max_completion_tokens" }],
  [
    "Mistral",
    422,
    '[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":2048}]',
    { maxTokensParameter: "max_tokens" },
  ],
  ["Azure", 400, "Unrecognized request argument supplied: max_completion_tokens", { maxTokensParameter: "max_tokens" }],
  ["a server", 400, "body.max_completion_tokens: Extra inputs are not permitted", { maxTokensParameter: "max_tokens" }],
  // System role
  ["vLLM with Gemma", 400, "System role not supported", { systemRole: "merge" }],
  ["vLLM with Mistral", 400, "Conversation roles must alternate user/assistant/user/assistant/...", { systemRole: "merge" }],
  ["llama.cpp", 500, "Value is not callable: null at row 1, column 8: Jinja Exception: System role not supported", { systemRole: "merge" }],
  [
    "Text Generation Inference",
    422,
    "Template error: invalid operation: Conversation roles must alternate user/assistant/user/assistant/... (in <string>:1)",
    { systemRole: "merge" },
  ],
  ["a template", 400, "Only user and assistant roles are supported!", { systemRole: "merge" }],
  ["a template", 400, "Conversations should alternate between user and assistant; roles must alternate user/assistant", { systemRole: "merge" }],
  ["OpenAI o1-mini", 400, "Unsupported value: 'messages[0].role' does not support 'system' with this model.", { systemRole: "merge" }],
  [
    "Anthropic",
    400,
    'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
    { systemRole: "merge" },
  ],
  ["Google", 400, "Developer instruction is not enabled for models/gemma-3-27b-it", { systemRole: "merge" }],
  [
    "Bedrock",
    400,
    "This model doesn't support system messages. Try again without a system message or use a model that supports system messages.",
    { systemRole: "merge" },
  ],
  ["FastAPI", 422, '[{"loc":["body","messages",0,"role"],"msg":"Input should be \'user\' or \'assistant\'"}]', { systemRole: "merge" }],
  ["a server", 400, "System messages are not allowed for this model", { systemRole: "merge" }],
  [
    "DeepSeek",
    400,
    "Failed to deserialize: messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`",
    { systemRole: "system" },
  ],
  ["an older server", 400, "'developer' is not one of ['system', 'assistant', 'user', 'function'] - 'messages.0.role'", { systemRole: "system" }],
  ["OpenAI o1-preview", 400, "Unsupported value: 'messages[0].role' does not support 'developer' with this model.", { systemRole: "system" }],
  ["a router", 400, "The role 'system' is not supported with this model, use 'developer' instead", { systemRole: "developer" }],
  // Format
  [
    "OpenAI",
    400,
    "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
    { responseFormat: "json_object" },
    formatted,
  ],
  ["DeepSeek", 400, "This response_format type is unavailable now", { responseFormat: "json_object" }, formatted],
  ["vLLM", 400, "The provided JSON schema contains features not supported by xgrammar.", { responseFormat: "json_object" }, formatted],
  [
    "Google",
    400,
    "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema': Cannot find field.",
    { responseFormat: "json_object" },
    formatted,
  ],
  [
    "Anthropic",
    400,
    "output_config.format.schema: For 'integer' type, properties maximum, minimum are not supported",
    { responseFormat: "json_object" },
    formatted,
  ],
  ["a server", 400, "Unsupported keyword 'minimum' for type integer", { responseFormat: "json_object" }, formatted],
  ["a server", 422, "body.strict: Extra inputs are not permitted", { responseFormat: "json_object" }, formatted],
  ["a server", 400, "Structured output cannot be used together with thinking mode", { responseFormat: "json_object" }, formatted],
  ["llama.cpp", 500, "Failed to initialize samplers: failed to parse grammar", { responseFormat: "json_object" }, formatted],
  [
    "llama-cpp-python",
    500,
    "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]",
    { responseFormat: "json_object" },
    formatted,
  ],
  [
    "Groq",
    400,
    "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.",
    { responseFormat: "json_object" },
    formatted,
  ],
  ["OpenRouter", 404, "No endpoints found that can handle the requested parameters.", { responseFormat: "json_object" }, formatted],
  ["OpenRouter", 404, "No endpoints found that support structured outputs", { responseFormat: "json_object" }, formatted],
  ["a simple server", 501, "JSON schema not implemented", { responseFormat: "json_object" }, formatted],
  ["a simple server", 415, "unsupported response format", { responseFormat: "json_object" }, formatted],
  [
    "LM Studio",
    400,
    "'response_format.type' must be 'json_schema' or 'text'",
    { responseFormat: "none" },
    { ...formatted, responseFormat: { ...reviewResponseSchema, type: "json_object" } },
  ],
];

describe("findRefusal", () => {
  it.each<[string, number, string, Adaptation, ModelRequest?]>(refusals)(
    "the error of %s (%i: %s) asks for the change %j",
    (_server, status, message, change, sent = plain) => {
      expect(findRefusal(sent, createError(status, message))).toEqual(change);
      const withSchema = findRefusal({ ...sent, responseFormat: sent.responseFormat ?? reviewResponseSchema }, createError(status, message));
      expect(withSchema).toEqual(change);
    },
  );

  it.each<[string, number, string]>([
    ["a temperature out of its range", 400, "temperature must be at most 1"],
    ["a temperature out of its range", 400, "'temperature' must be in the range [0, 1]; 1.5 is not supported"],
    ["a temperature of zero", 422, "`temperature` must be strictly positive"],
    ["a temperature out of its range", 400, "temperature must be less than or equal to 1.0"],
    ["another parameter, with a list of known ones", 400, "Unsupported parameter: 'top_k'. Supported are temperature, max_tokens and top_p."],
    ["another parameter", 400, "Unknown parameter: 'chat_template_kwargs'."],
    ["an output limit beyond the model's", 400, "max_tokens is too large: 200000. This model supports at most 16384 completion tokens."],
    ["an output limit beyond the model's", 400, "max_tokens must be less than or equal to 8192"],
    ["an image", 400, "This model does not support image input"],
    ["a broken server", 500, "Internal server error in the file system"],
    ["a broken server", 500, "The system is not available"],
    ["an operating system", 400, "unsupported operating system"],
    ["an unknown model", 404, "The model `gpt-9` does not exist or you do not have access to it."],
    [
      "a template that takes system messages",
      400,
      "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...",
    ],
    [
      "a template that takes system messages",
      400,
      "Only user and assistant roles are supported, with the exception of an initial optional system message!",
    ],
    ["a role that is not the system's", 400, "role must be one of 'system', 'user', 'assistant', 'tool'"],
    ["no words", 400, "Bad Request"],
  ])("an error about %s (%i: %s) asks for no change", (_what, status, message) => {
    expect(findRefusal(plain, createError(status, message))).toBeNull();
  });

  it.each<[string, AttemptError]>([
    ["a key", new AttemptError("model_unauthorized", "HTTP 401: response_format is not supported", { retryable: false, status: 401 })],
    ["a rate limit", new AttemptError("model_rate_limited", "HTTP 429: response_format is not supported", { retryable: true, status: 429 })],
    ["a gateway that gave up", new AttemptError("model_unavailable", "HTTP 504: response_format", { retryable: true, status: 504 })],
    ["a timeout", new AttemptError("model_timeout", "response_format", { retryable: true })],
    ["a prompt that is too long", new AttemptError("model_context_overflow", "HTTP 400: schema", { retryable: false, status: 400 })],
    ["a connection", new AttemptError("model_unavailable", "the connection failed: json schema", { retryable: true, requestNotSent: true })],
    ["a lost response, which may have been charged", new AttemptError("model_unavailable", "json schema", { retryable: true })],
  ])("an error of %s asks for no change, whatever its words", (_what, error) => {
    expect(findRefusal(formatted, error)).toBeNull();
  });

  it.each<[string, ModelRequest, string]>([
    ["temperature", { ...plain, settings: createModelSettings(baseUrl, { temperature: null }) }, "temperature is not supported"],
    ["system message", { ...plain, messages: [new HumanMessage("Hi.")] }, "System role not supported"],
    ["format", plain, "response_format is not supported"],
  ])("an error that names a %s asks for no change of a request without one", (_part, sent, message) => {
    expect(findRefusal(sent, createError(400, message))).toBeNull();
  });

  it("an error that a response with status 200 reports asks for the same change", () => {
    const error = new AttemptError("model_bad_request", "System role not supported", { retryable: false, notCharged: true });
    expect(findRefusal(plain, error)).toEqual({ systemRole: "merge" });
  });
});
