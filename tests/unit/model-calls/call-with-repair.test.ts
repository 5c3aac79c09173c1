import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { describe, expect, it, vi } from "vitest";

import { InvalidResponseError, ModelCallError } from "../../../src/errors.js";
import { callWithRepair } from "../../../src/model-calls/call-with-repair.js";
import { ResponseValidationError } from "../../../src/text/json-output.js";
import type { ModelRequest, ModelResponse } from "../../../src/model-calls/model-call.js";
import { createRequest } from "../../support/model-requests.js";

const caller = { name: "depth", group: "reviewer" };
const request = createRequest("http://127.0.0.1:9/v1", { caller });

/** Creates a model that returns these responses in turn, or throws them if they are errors. */
function createModel(...results: (Partial<ModelResponse> | Error)[]) {
  return vi.fn(async (_request: ModelRequest): Promise<ModelResponse> => {
    const result = results.shift();
    if (result === undefined || result instanceof Error) throw result ?? new Error("unexpected call");
    return { text: "", finishReason: "stop", usage: { inputTokens: 7, outputTokens: 3 }, model: "m", ...result };
  });
}

function parseNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new ResponseValidationError("response_invalid", "Reply with a number.");
}

const options = { parse: parseNumber, maxAttempts: 3 };
const usage = { caller: "depth", group: "reviewer", model: "m", inputTokens: 7, outputTokens: 3 };

describe("callWithRepair", () => {
  it("returns the parsed value and the usage of the call", async () => {
    const callModel = createModel({ text: "5", messageId: "message-1", runId: "run-1", cached: true });
    expect(await callWithRepair(callModel, request, options, {})).toEqual({
      value: 5,
      messageId: "message-1",
      calls: [{ ...usage, runId: "run-1", cached: true }],
    });
  });

  it("asks again with the invalid response and the problem, and counts every call", async () => {
    const callModel = createModel({ text: "five" }, { text: "V" }, { text: "5" });
    expect(await callWithRepair(callModel, request, options, {})).toMatchObject({ value: 5, calls: [usage, usage, usage] });
    const repairMessages = callModel.mock.calls.map(([sent]) => sent.messages.slice(request.messages.length));
    expect(repairMessages.map((messages) => messages.map(({ text }) => text))).toEqual([
      [],
      ["five", expect.stringContaining("Reply with a number.")],
      ["V", expect.stringContaining("Reply with a number.")],
    ]);
    expect(repairMessages[1]?.[0]).toBeInstanceOf(AIMessage);
    expect(repairMessages[1]?.[1]).toBeInstanceOf(HumanMessage);
  });

  it("repeats the same request after an empty response", async () => {
    const callModel = createModel({ text: " " }, { text: "5" });
    expect(await callWithRepair(callModel, request, options, {})).toMatchObject({ value: 5 });
    expect(callModel.mock.calls[1]?.[0].messages).toEqual(request.messages);
  });

  it("returns the error of the last response after maxAttempts", async () => {
    const callModel = createModel({ text: "one" }, { text: "two" }, { text: "three" });
    const result = await callWithRepair(callModel, request, options, {});
    const error = "error" in result ? result.error : null;
    expect(error).toBeInstanceOf(InvalidResponseError);
    expect(error).toMatchObject({
      code: "response_invalid",
      message: 'the reviewer "depth" (m) gave no usable response in 3 attempts: Reply with a number.',
      details: { caller, model: "m", attempts: 3, rawText: "three" },
    });
  });

  it("evicts every response that it cannot use, and no other", async () => {
    const evictInvalid = vi.fn(async () => undefined);
    const evictValid = vi.fn(async () => undefined);
    await callWithRepair(createModel({ text: "five", evict: evictInvalid }, { text: "5", evict: evictValid }), request, options, {});
    expect(evictInvalid).toHaveBeenCalledOnce();
    expect(evictValid).not.toHaveBeenCalled();
  });

  it("returns the reasoning of the response that could be used", async () => {
    const callModel = createModel({ text: "five", reasoning: "hm" }, { text: "5", reasoning: "two and three" });
    expect(await callWithRepair(callModel, request, options, {})).toMatchObject({ value: 5, reasoning: "two and three" });
  });

  it("sends back only the beginning of a response that was cut off", async () => {
    const loop = `It turns firm. ${"again and ".repeat(500)}`;
    const callModel = createModel({ text: loop, finishReason: "length" }, { text: "word ".repeat(500), finishReason: "length" }, { text: "5" });
    await callWithRepair(callModel, request, options, {});
    const sent = callModel.mock.calls.map(([{ messages }]) => messages[request.messages.length]?.text ?? "");
    expect(sent[1]).toBe("It turns firm. again and …");
    expect(sent[2]?.length).toBeLessThan(410);
  });

  it.each([
    ["a loop", "five, five, ".repeat(200), 20],
    ["an essay", Array.from({ length: 5_000 }, (_, index) => index).join(" "), 6_010],
  ])("sends back only the beginning of %s", async (_, text, maxLength) => {
    const callModel = createModel({ text }, { text: "5" });
    await callWithRepair(callModel, request, options, {});
    expect(callModel.mock.calls[1]?.[0].messages[request.messages.length]?.text.length).toBeLessThan(maxLength);
  });

  it("never accepts a response that repeats our own note, and asks again without one", async () => {
    const parse = (text: string) => text;
    const callModel = createModel(
      { text: "It", finishReason: "length" },
      { text: "the reply was cut off at the output limit; reply again in full, more briefly!" },
      { text: "Reply to the request above once more, in the form it asks for." },
    );
    expect(await callWithRepair(callModel, request, { ...options, parse }, {})).toMatchObject({ error: { code: "response_invalid" } });
    expect(callModel.mock.calls.map(([{ messages }]) => messages.length - request.messages.length)).toEqual([0, 2, 0]);
  });

  it.each([
    ["stop", "response_empty", "--reasoning-parser"],
    ["stop", "response_empty", "enable_thinking"],
    ["stop", "response_empty", "maxOutputTokens (now 256)"],
    ["length", "response_truncated", "Raise maxOutputTokens (now 256)"],
  ] as const)("names a response of reasoning alone that ended by %s: %s with %s", async (finishReason, code, advice) => {
    const callModel = createModel({ text: "", reasoning: "x".repeat(120), finishReason });
    const result = await callWithRepair(callModel, request, { ...options, maxAttempts: 1 }, {});
    expect(result).toMatchObject({ error: { code, message: expect.stringContaining("120 characters of reasoning came, and no answer.") } });
    expect(result).toMatchObject({ error: { message: expect.stringContaining(advice) } });
  });

  it("does not repeat a refusal", async () => {
    const callModel = createModel({ text: "5", finishReason: "refusal" });
    expect(await callWithRepair(callModel, request, options, {})).toMatchObject({ error: { code: "response_refused", details: { attempts: 1 } } });
  });

  it("advises a higher output limit for responses that were cut off", async () => {
    const callModel = createModel({ text: "5", finishReason: "length" });
    const result = await callWithRepair(callModel, request, { ...options, maxAttempts: 1 }, {});
    expect(result).toMatchObject({
      error: { code: "response_truncated", message: expect.stringContaining("Raise maxOutputTokens (now 256)") },
    });
  });

  it("returns the error of a failed call, with the usage of the calls before it", async () => {
    const callError = new ModelCallError("model_unavailable", "down", { caller, endpoint: "e", model: "m", attempts: 7 });
    expect(await callWithRepair(createModel({ text: "five" }, callError), request, options, {})).toEqual({ error: callError, calls: [usage] });
  });

  it("rethrows every other error", async () => {
    await expect(callWithRepair(createModel(new Error("budget")), request, options, {})).rejects.toThrow("budget");
    const bug = new TypeError("a bug");
    const parse = () => {
      throw bug;
    };
    await expect(callWithRepair(createModel({ text: "5" }), request, { ...options, parse }, {})).rejects.toBe(bug);
  });
});
