import { AIMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseAiMessage } from "../../../../src/model-calls/attempt/parse-ai-message.js";

describe("parseAiMessage", () => {
  it("takes the text of text blocks and nothing of reasoning, tools or pictures", () => {
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
    expect(parseAiMessage(message, "asked")).toEqual({
      text: "One, two.",
      finish: "stop",
      usage: { inputTokens: null, outputTokens: null },
      model: "asked",
    });
  });

  it("never lets thinking through, in whatever form it comes", () => {
    const secret = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n"), minLength: 1, maxLength: 30 }).map((text) => `SECRET${text}`);
    const block = fc.oneof(
      secret.map((text) => ({ type: "reasoning", reasoning: text })),
      secret.map((text) => ({ type: "thinking", thinking: text })),
      secret.map((text) => ({ type: "text", text: `<think>${text}</think>` })),
      fc.constant({ type: "text", text: "said" }),
    );
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), (content) => {
        const { text } = parseAiMessage(new AIMessage({ content }), "asked");
        expect(text).toBe("said".repeat(content.filter((part) => "text" in part && part.text === "said").length));
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
    [{ finish_reason: 7 }, "stop"],
    [{}, "stop"],
  ] as const)("reads how it ended from %j: %s", (response_metadata, finish) => {
    expect(parseAiMessage(new AIMessage({ content: "Text.", response_metadata }), "asked").finishReason).toBe(finish);
  });

  it("calls thinking that was cut off a cut-off reply, even where the endpoint does not", () => {
    const message = new AIMessage({ content: "<think>Let me see", response_metadata: { finish_reason: "stop" } });
    expect(parseAiMessage(message, "asked")).toMatchObject({ text: "", finish: "length" });
  });

  it("reports tokens as they were counted, and null for what is no count", () => {
    const counted = new AIMessage({ content: "x", usage_metadata: { input_tokens: 7, output_tokens: 0, total_tokens: 7 } });
    expect(parseAiMessage(counted, "asked").usage).toEqual({ inputTokens: 7, outputTokens: 0 });
    const odd = new AIMessage({ content: "x", usage_metadata: { input_tokens: Number.NaN, output_tokens: -3, total_tokens: 0 } });
    expect(parseAiMessage(odd, "asked").usage).toEqual({ inputTokens: null, outputTokens: null });
  });

  it("names the model as the endpoint does", () => {
    expect(parseAiMessage(new AIMessage({ content: "x", response_metadata: { model_name: "org/m-2026" } }), "asked").model).toBe("org/m-2026");
    expect(parseAiMessage(new AIMessage({ content: "x", response_metadata: { model: "m" } }), "asked").model).toBe("m");
  });
});
