import { AIMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseAiMessage } from "../../../../src/model-calls/attempt/parse-ai-message.js";

describe("parseAiMessage", () => {
  it("returns the text of text blocks, without reasoning, tools or images", () => {
    const message = new AIMessage({
      content: [
        { type: "reasoning", reasoning: "secret plan" },
        { type: "thinking", thinking: "secret plan" },
        { type: "text", text: "One, " },
        { type: "image_url", image_url: "data:," },
        { type: "text", text: "two." },
      ],
      additional_kwargs: { reasoning_content: "secret plan" },
    });
    expect(parseAiMessage(message, "requested-model")).toEqual({
      text: "One, two.",
      finishReason: "stop",
      usage: { inputTokens: null, outputTokens: null },
      model: "requested-model",
      reasoning: "secret plan\n\nsecret plan\n\nsecret plan",
    });
  });

  it("removes reasoning in every form", () => {
    const secret = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n"), minLength: 1, maxLength: 30 }).map((text) => `SECRET${text}`);
    const block = fc.oneof(
      secret.map((text) => ({ type: "reasoning", reasoning: text })),
      secret.map((text) => ({ type: "thinking", thinking: text })),
      secret.map((text) => ({ type: "text", text: `<think>${text}</think>` })),
      fc.constant({ type: "text", text: "answer" }),
    );
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), (content) => {
        const { text } = parseAiMessage(new AIMessage({ content }), "requested-model");
        expect(text).toBe("answer".repeat(content.filter((part) => "text" in part && part.text === "answer").length));
      }),
    );
  });

  it.each([
    [{ finish_reason: "stop" }, "stop"],
    [{ finish_reason: "length" }, "length"],
    [{ stop_reason: "max_tokens" }, "length"],
    [{ finishReason: "MAX_TOKENS" }, "length"],
    [{ done_reason: "length" }, "length"],
    [{ finish_reason: "content_filter" }, "refusal"],
    [{ stop_reason: "refusal" }, "refusal"],
    [{ finishReason: "SAFETY" }, "refusal"],
    [{ finish_reason: null }, "stop"],
    [{ stopReason: "guardrail_intervened" }, "refusal"],
    [{}, "stop"],
  ] as const)("derives the finish reason from %j: %s", (response_metadata, finishReason) => {
    expect(parseAiMessage(new AIMessage({ content: "Text.", response_metadata }), "requested-model").finishReason).toBe(finishReason);
  });

  it.each([7, "error", "network_error", "tool_calls"])("throws a retryable error for the finish reason %j", (finish_reason) => {
    const message = new AIMessage({ content: "Half a", response_metadata: { finish_reason } });
    expect(() => parseAiMessage(message, "requested-model")).toThrow(
      expect.objectContaining({
        code: "model_unavailable",
        details: { retryable: true },
        message: expect.stringContaining(JSON.stringify(finish_reason)),
      }),
    );
  });

  it("a response that its end token ends is complete, even if the model went on to the output limit", () => {
    const message = new AIMessage({ content: "Done.<|im_end|>\n<|im_start|>user\nAnd", response_metadata: { finish_reason: "length" } });
    expect(parseAiMessage(message, "requested-model")).toMatchObject({ text: "Done.", finishReason: "stop" });
  });

  it("cleans text and reasoning", () => {
    const message = new AIMessage({ content: "<think>a\u0000b</think>Half \ud83d.\u200b", additional_kwargs: {} });
    expect(parseAiMessage(message, "requested-model")).toMatchObject({ text: "Half \ufffd.", reasoning: "ab" });
    expect(parseAiMessage(new AIMessage("\u200b\ufeff"), "requested-model").text).toBe("");
  });

  it("reports the finish reason length for reasoning that was cut off, even if the endpoint does not", () => {
    const message = new AIMessage({ content: "<think>Let me see", response_metadata: { finish_reason: "stop" } });
    expect(parseAiMessage(message, "requested-model")).toMatchObject({ text: "", finishReason: "length" });
  });

  it("reports the counted tokens, and null for an invalid count", () => {
    const counted = new AIMessage({ content: "x", usage_metadata: { input_tokens: 7, output_tokens: 0, total_tokens: 7 } });
    expect(parseAiMessage(counted, "requested-model").usage).toEqual({ inputTokens: 7, outputTokens: 0 });
    const invalid = new AIMessage({ content: "x", usage_metadata: { input_tokens: Number.NaN, output_tokens: -3, total_tokens: 0 } });
    expect(parseAiMessage(invalid, "requested-model").usage).toEqual({ inputTokens: null, outputTokens: null });
  });

  it("reports the model name of the endpoint", () => {
    expect(parseAiMessage(new AIMessage({ content: "x", response_metadata: { model_name: "org/m-2026" } }), "requested-model").model).toBe(
      "org/m-2026",
    );
    expect(parseAiMessage(new AIMessage({ content: "x", response_metadata: { model: "m" } }), "requested-model").model).toBe("m");
  });
});
