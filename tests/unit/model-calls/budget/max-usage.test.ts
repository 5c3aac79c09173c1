import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ModelCallError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { getMaxUsage, isPossiblyCharged } from "../../../../src/model-calls/budget/max-usage.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";

const countBytes = (text: string) => new TextEncoder().encode(text).length;

describe("getMaxUsage", () => {
  it("returns at least the number of bytes of every normal form that a tokenizer may use", () => {
    // U+1D160 grows by a factor of 3 in NFC, U+FDFA by 11 in NFKC. Fullwidth letters shrink only in NFKC.
    const unusual = fc.constantFrom("\u{1d160}".repeat(200), "\ufdfa".repeat(200), "\u{1d160}".repeat(200) + "\uff21".repeat(900));
    const texts = fc.array(fc.oneof(fc.string({ unit: "binary" }), unusual), { maxLength: 6 });
    fc.assert(
      fc.property(texts, fc.constantFrom("NFC", "NFD", "NFKC"), (contents, form) => {
        const messages = contents.map((content, index) => (index % 2 === 0 ? new HumanMessage(content) : new AIMessage(content)));
        const normalised = form === "NFD" ? contents : contents.map((content) => content.normalize(form));
        const { inputTokens } = getMaxUsage(createRequest(null, { messages }));
        expect(inputTokens).toBeGreaterThanOrEqual(normalised.reduce((sum, content) => sum + countBytes(content) + 5, 100));
      }),
    );
  });

  it("counts blocks of content, the response schema, extra fields and the output limit", () => {
    const messages = [new SystemMessage("s"), new HumanMessage({ content: [{ type: "text", text: "x".repeat(5000) }] })];
    const plain = getMaxUsage(createRequest(null, { messages, settings: createModelSettings(null, { maxOutputTokens: 77 }) }));
    expect(plain.outputTokens).toBe(77);
    expect(plain.inputTokens).toBeGreaterThan(5000);
    const schema = { type: "object", description: "y".repeat(300) };
    expect(getMaxUsage(createRequest(null, { messages, responseFormat: { name: "review", schema } })).inputTokens).toBeGreaterThan(
      plain.inputTokens + 300,
    );
    const settings = createModelSettings(null, { extraBody: { documents: ["z".repeat(300)] } });
    expect(getMaxUsage(createRequest(null, { messages, settings })).inputTokens).toBeGreaterThan(plain.inputTokens + 300);
  });
});

describe("isPossiblyCharged", () => {
  it.each([400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 501, 503, 529])("returns false for status %d", (status) => {
    expect(isPossiblyCharged(new AttemptError("model_unavailable", `HTTP ${status}`, { retryable: true, status }))).toBe(false);
  });

  it.each([200, 408, 499, 502, 504, 520, 524])("returns true for status %d, after which the model server may have continued", (status) => {
    expect(isPossiblyCharged(new AttemptError("model_unavailable", `HTTP ${status}`, { retryable: true, status }))).toBe(true);
  });

  it("returns false for a request that was never sent", () => {
    const details = { caller: { name: "candidate" }, endpoint: "e", model: "m", attempts: 0 };
    expect(isPossiblyCharged(new ModelCallError("model_invalid_configuration", "no key", details))).toBe(false);
    expect(isPossiblyCharged(new AttemptError("model_invalid_configuration", "no key", { retryable: false }))).toBe(false);
    expect(isPossiblyCharged(new AttemptError("model_unavailable", "refused", { retryable: true, requestNotSent: true }))).toBe(false);
  });

  it("returns true for every other error", () => {
    expect(isPossiblyCharged(new AttemptError("model_timeout", "no response", { retryable: true, requestNotSent: false }))).toBe(true);
    expect(isPossiblyCharged(new AttemptError("model_unavailable", "the connection failed", { retryable: true }))).toBe(true);
    expect(isPossiblyCharged(new DOMException("stopped", "AbortError"))).toBe(true);
    expect(isPossiblyCharged("?")).toBe(true);
  });
});
