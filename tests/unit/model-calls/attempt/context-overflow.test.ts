import { describe, expect, it } from "vitest";

import { toAttemptError } from "../../../../src/model-calls/attempt/classify-error.js";

/** An error as an SDK throws it, with what the server sent. */
function classify(status: number | undefined, message: string, fields: { readonly code?: string; readonly type?: string } = {}) {
  return toAttemptError(Object.assign(new Error(message), { status, ...fields }), (text) => text);
}

/** Status and words of servers whose context is too short for the prompt. */
const overflows: [server: string, status: number | undefined, message: string, code?: string][] = [
  [
    "OpenAI, chat",
    400,
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens. Please reduce the length of the messages.",
    "context_length_exceeded",
  ],
  ["OpenAI, responses", 400, "Your input exceeds the context window of this model. Please adjust your input and try again."],
  ["OpenAI, GPT-5", 400, "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens."],
  ["OpenAI, one long message", 400, "Invalid 'messages[1].content': string too long.", "string_above_max_length"],
  [
    "vLLM",
    400,
    "This model's maximum context length is 4096 tokens. However, you requested 4200 tokens (2152 in the messages, 2048 in the completion). Please reduce the length of the messages or completion.",
  ],
  [
    "vLLM, output limit named first",
    400,
    "'max_tokens' or 'max_completion_tokens' is too large: 2048. This model's maximum context length is 4096 tokens and your request has 3000 input tokens (2048 > 4096 - 3000).",
  ],
  [
    "vLLM, newer",
    400,
    "You passed 3000 input tokens and requested 2048 output tokens. However, the model's context length is only 4096 tokens, resulting in a maximum input length of 2048 tokens.",
  ],
  ["vLLM, no output limit given", 400, "max_tokens must be at least 1, got -904."],
  ["vLLM, decoder prompt", 400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."],
  ["llama.cpp", 400, "the request exceeds the available context size, try increasing it", "exceed_context_size_error"],
  ["llama.cpp, newer", 400, "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"],
  ["llama.cpp, older", 500, "Context size has been exceeded."],
  ["llama-cpp-python", 500, "Requested tokens (800) exceed context window of 512"],
  ["node-llama-cpp", undefined, "Failed to compress chat history for context shift due to a too long prompt or system message."],
  ["Ollama", 400, "input length exceeds maximum context length"],
  ["Ollama, strict", 400, "prompt too long; exceeded max context length by 4 tokens"],
  [
    "LM Studio",
    400,
    "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
  ],
  ["LM Studio, newer", 400, "The number of tokens to keep from the initial prompt is greater than the context length."],
  ["SGLang", 400, "The input (5000 tokens) is longer than the model's context length (4096 tokens)."],
  ["SGLang, sum", 400, "Requested token count exceeds the model's maximum context length of 4096 tokens."],
  [
    "Text Generation Inference",
    422,
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3500 `inputs` tokens and 2048 `max_new_tokens`",
  ],
  ["Text Generation Inference, input alone", 422, "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000"],
  ["TensorRT-LLM", 500, "Prompt length (5000) exceeds maximum input length (4096)"],
  ["TensorRT-LLM, sum", 400, "The sum of prompt length (5000.0), query length (0) should not exceed max_num_tokens (4096)"],
  ["MLC", 400, "Request prompt has 5000 tokens in total, larger than the model input length limit 4096."],
  ["Anthropic", 400, "prompt is too long: 213462 tokens > 200000 maximum"],
  ["Anthropic, sum", 400, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens`"],
  ["Anthropic, bytes", 413, "Request exceeds the maximum size"],
  ["Bedrock", 400, "ValidationException: Input is too long for requested model."],
  ["Gemini", 400, "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."],
  ["Vertex AI", 400, "Unable to submit request because the input token count is 40000 but model only supports up to 32768."],
  ["Mistral", 400, "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length"],
  ["xAI", 400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."],
  ["Groq", 400, "Please reduce the length of the messages or completion.", "context_length_exceeded"],
  ["Cerebras", 400, "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192"],
  ["OpenRouter", 400, "This endpoint's maximum context length is 128000 tokens. However, you requested about 300000 tokens."],
  ["Fireworks", 400, "The prompt is too long: 10000, model maximum context length: 8191"],
  ["Cohere", 400, "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."],
  ["Moonshot", 400, "Invalid request: Your request exceeded model token limit: 8192"],
  ["MiniMax", 400, "invalid params, context window exceeds limit (2013)"],
  ["DashScope", 400, "Range of input length should be [1, 30720]"],
  ["Z.ai", 400, "Prompt exceeds max length"],
  ["Zhipu, in Chinese", 400, "Prompt 超长，请缩短输入后重试"],
  ["GitHub Copilot", 400, "prompt token count of 5000 exceeds the limit of 4096", "model_max_prompt_tokens_exceeded"],
  ["GitHub Models", 413, "Request body too large for gpt-4o model. Max size: 8000 tokens.", "tokens_limit_reached"],
  ["LiteLLM", 500, "litellm.ContextWindowExceededError: OpenAIException - too long"],
  ["a gateway", 413, "Request Entity Too Large"],
  ["an event in a stream", undefined, "the request exceeds the available context size"],
];

describe("toAttemptError, by the words of a server", () => {
  it.each<[string, number | undefined, string, string?]>(overflows)(
    "an error in the words of %s (status %s) is a context overflow, never retried",
    (_, status, message, code) => {
      expect(classify(status, message, { code })).toMatchObject({
        code: "model_context_overflow",
        message: expect.stringContaining(message),
        details: { retryable: false },
      });
    },
  );

  it.each<[string, string, number, string]>([
    [
      "an output limit above the model's",
      "model_bad_request",
      400,
      "max_tokens is too large: 5000. This model supports at most 4096 completion tokens.",
    ],
    ["an output limit above the context, without counts", "model_bad_request", 400, "max_tokens=8192 cannot be greater than max_model_len=4096."],
    [
      "an output limit as long as the context",
      "model_invalid_configuration",
      400,
      "This model's maximum context length is 4096 tokens. However, you requested 8222 tokens (30 in the messages, 8192 in the completion).",
    ],
    [
      "an output limit above the context",
      "model_invalid_configuration",
      400,
      "'max_tokens' is too large: 8192. This model's maximum context length is 4096 tokens and your request has 30 input tokens (8192 > 4096 - 30).",
    ],
    ["a bad field", "model_bad_request", 400, "Unknown field `min_p` in input"],
    ["a filtered prompt", "model_request_refused", 400, "The prompt was filtered by the content management policy"],
    [
      "a quota of tokens a minute",
      "model_bad_request",
      413,
      "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 8000, please reduce the length of the messages.",
    ],
    ["a rate limit", "model_rate_limited", 429, "Request too large for gpt-4 on tokens per min: Limit 10000. The input must be reduced."],
    ["a rate limit that counts tokens", "model_rate_limited", 429, "Too many tokens, please wait before trying again."],
    ["an outage", "model_unavailable", 500, "out of memory"],
    ["an unknown path", "model_not_found", 404, "context length exceeded is no path"],
  ])("%s is %s", (_, code, status, message) => {
    expect(classify(status, message).code).toBe(code);
  });
});
