import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { ModelRequest } from "../../src/model-calls/model-call.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { callInStreamedGraph, createRequest, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

/** Creates an HTTP response with this message, complete or as the only event of a stream. */
function createRawResponse(kind: string, message: unknown, fields: Record<string, unknown> = {}) {
  const header = { id: "chatcmpl-1", model: "served-model", ...fields };
  if (kind === "plain") return { status: 200, body: { ...header, choices: [{ index: 0, message, finish_reason: "stop" }] } };
  const event = { ...header, choices: [{ index: 0, delta: message, finish_reason: "stop" }] };
  return { status: 200, headers: { "content-type": "text/event-stream" }, body: `data: ${JSON.stringify(event)}\n\ndata: [DONE]\n\n` };
}

describe.each(["plain", "streamed", "streamed (events)"])("createModelCaller: %s response", (kind) => {
  const call = (overrides: Partial<ModelRequest> = {}) => {
    const callModel = createModelCaller({ env: testEnv, minDelayMs: 1, maxRetries: 0 });
    const request = createRequest(server.baseUrl, overrides);
    return kind === "plain" ? callModel(request, {}) : callInStreamedGraph(callModel, request, kind === "streamed" ? "messages" : "events");
  };

  it("has text, finish reason, tokens and the model's name", async () => {
    server.setHandler(() => ({
      content: "Because of\n\n  Rayleigh scattering: 散乱.",
      model: "served-model",
      usage: { prompt_tokens: 21, completion_tokens: 9, total_tokens: 30 },
    }));
    expect(await call()).toEqual({
      text: "Because of\n\n  Rayleigh scattering: 散乱.",
      finishReason: "stop",
      usage: { inputTokens: 21, outputTokens: 9 },
      model: "served-model",
      messageId: expect.any(String),
    });
    expect(server.requests).toMatchObject([{ body: { stream: kind !== "plain", model: "test-model", temperature: 0.1, max_tokens: 256 } }]);
  });

  it("has the finish reason length if it was cut off at the output limit", async () => {
    server.setHandler(() => ({ content: "Because of Ray", finishReason: "length" }));
    expect(await call()).toMatchObject({ text: "Because of Ray", finishReason: "length" });
  });

  it("keeps text and tokens if a schema was requested and the text is cut off or not JSON", async () => {
    const responseFormat = { name: "review", schema: { type: "object" } };
    server.setHandler(() => ({ content: '{"critique": "It lac', finishReason: "length", usage: { prompt_tokens: 5, completion_tokens: 6 } }));
    expect(await call({ responseFormat })).toMatchObject({
      text: '{"critique": "It lac',
      finishReason: "length",
      usage: { inputTokens: 5, outputTokens: 6 },
    });
    server.setHandler(() => ({ content: 'Here you are:\n```json\n{"critique": "x",}\n```' }));
    expect(await call({ responseFormat })).toMatchObject({ text: 'Here you are:\n```json\n{"critique": "x",}\n```', finishReason: "stop" });
    expect(server.requests[0]?.body.response_format).toEqual({
      type: "json_schema",
      json_schema: { name: "review", schema: { type: "object" }, strict: true },
    });
  });

  it("has the finish reason refusal and the text of the refusal if the model declines", async () => {
    server.setHandler(() => ({ refusal: "I cannot help with that." }));
    expect(await call()).toMatchObject({ text: "I cannot help with that.", finishReason: "refusal" });
    server.setHandler(() => ({ content: "Well, ", finishReason: "content_filter" }));
    expect(await call()).toMatchObject({ text: "Well,", finishReason: "refusal" });
  });

  it.each(["", null])("may have the empty content %j", async (content) => {
    server.setHandler(() => ({ content }));
    expect(await call()).toMatchObject({ text: "", finishReason: "stop" });
  });

  it("has null tokens if the endpoint reports none, or invalid ones", async () => {
    server.setHandler(() => ({ content: "x", usage: null }));
    expect((await call()).usage).toEqual({ inputTokens: null, outputTokens: null });
    server.setHandler(() => ({ content: "x", usage: { prompt_tokens: "many", completion_tokens: -1 } }));
    expect((await call()).usage).toEqual({ inputTokens: null, outputTokens: null });
  });

  it("contains no reasoning", async () => {
    server.setHandler(() => ({ content: "<think>\nThe plan: SECRET.\n</think>\n\nThe answer.", reasoning: "SECRET" }));
    expect((await call()).text).toBe("The answer.");
    server.setHandler(() => ({ content: "The plan: SECRET.\n</think>\n\nThe answer." }));
    expect((await call()).text).toBe("The answer.");
    server.setHandler(() => ({ content: "<think>The plan: SECRET and", finishReason: "length" }));
    expect(await call()).toMatchObject({ text: "", finishReason: "length" });
    server.setHandler(() => ({ content: "", reasoning: "SECRET", finishReason: "length" }));
    expect(await call()).toMatchObject({ text: "", finishReason: "length" });
  });

  it("joins the text of content parts", async () => {
    const content = [
      { type: "text", text: "One, " },
      { type: "thinking", text: "SECRET" },
      { type: "text", text: "two." },
    ];
    server.setHandler(() => createRawResponse(kind, { role: "assistant", content }));
    expect((await call()).text).toBe("One, two.");
  });

  it("is read without output on stdout if fields have the wrong type", async () => {
    const log = vi.spyOn(console, "log");
    server.setHandler(() =>
      createRawResponse(
        kind,
        { role: 7, content: { text: "x" }, tool_calls: "none", refusal: 3 },
        { id: 5, model: [], created: "now", usage: "much" },
      ),
    );
    expect(await call()).toMatchObject({
      text: "",
      finishReason: "stop",
      usage: { inputTokens: null, outputTokens: null },
      model: "test-model",
    });
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });

  it("may be long and arrive late", async () => {
    const content = "All work and no play. ".repeat(5_000).trim();
    server.setHandler(() => ({ content, latencyMs: 20 }));
    expect((await call()).text).toBe(content);
  });
});
