import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { callWatched, requestTo, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const access = () => createModelCaller({ env: testEnv, minDelayMs: 1, maxRetries: 0 });

/** A whole completion as it stands, or as the one piece of a stream. */
function raw(kind: string, message: unknown, rest: Record<string, unknown> = {}) {
  const body = { id: "chatcmpl-1", model: "served-model", ...rest };
  if (kind === "plain") return { status: 200, body: { ...body, choices: [{ index: 0, message, finish_reason: "stop" }] } };
  const piece = { ...body, choices: [{ index: 0, delta: message, finish_reason: "stop" }] };
  return { status: 200, headers: { "content-type": "text/event-stream" }, body: `data: ${JSON.stringify(piece)}\n\ndata: [DONE]\n\n` };
}

describe.each(["plain", "streamed", "streamed (events)"])("a %s reply", (kind) => {
  const call = (overrides = {}) => {
    const request = requestTo(server.baseUrl, overrides);
    return kind === "plain" ? access()(request, {}) : callWatched(access(), request, kind === "streamed" ? "messages" : "events");
  };

  it("comes with text, finish, tokens and the model's name", async () => {
    server.setHandler(() => ({
      content: "Because of\n\n  Rayleigh scattering: 散乱.",
      model: "served-model",
      usage: { prompt_tokens: 21, completion_tokens: 9, total_tokens: 30 },
    }));
    expect(await call()).toEqual({
      text: "Because of\n\n  Rayleigh scattering: 散乱.",
      finish: "stop",
      usage: { inputTokens: 21, outputTokens: 9 },
      model: "served-model",
      messageId: expect.any(String),
    });
    expect(server.requests).toMatchObject([{ body: { stream: kind !== "plain", model: "test-model", temperature: 0.1, max_tokens: 256 } }]);
  });

  it("says so when it was cut off at the output limit", async () => {
    server.setHandler(() => ({ content: "Because of Ray", finish: "length" }));
    expect(await call()).toMatchObject({ text: "Because of Ray", finish: "length" });
  });

  it("keeps text and tokens of a reply to a schema that was cut off or is not JSON", async () => {
    const reply = { name: "review", schema: { type: "object" } };
    server.setHandler(() => ({ content: '{"critique": "It lac', finish: "length", usage: { prompt_tokens: 5, completion_tokens: 6 } }));
    expect(await call({ reply })).toMatchObject({ text: '{"critique": "It lac', finish: "length", usage: { inputTokens: 5, outputTokens: 6 } });
    server.setHandler(() => ({ content: 'Here you are:\n```json\n{"critique": "x",}\n```' }));
    expect(await call({ reply })).toMatchObject({ text: 'Here you are:\n```json\n{"critique": "x",}\n```', finish: "stop" });
    expect(server.requests[0]?.body.response_format).toEqual({
      type: "json_schema",
      json_schema: { name: "review", schema: { type: "object" }, strict: true },
    });
  });

  it("is a refusal when the model declines, with what it said", async () => {
    server.setHandler(() => ({ refusal: "I cannot help with that." }));
    expect(await call()).toMatchObject({ text: "I cannot help with that.", finish: "refusal" });
    server.setHandler(() => ({ content: "Well, ", finish: "content_filter" }));
    expect(await call()).toMatchObject({ text: "Well,", finish: "refusal" });
  });

  it.each(["", null])("may be empty (%j)", async (content) => {
    server.setHandler(() => ({ content }));
    expect(await call()).toMatchObject({ text: "", finish: "stop" });
  });

  it("has null tokens where the endpoint says nothing, or nothing sensible", async () => {
    server.setHandler(() => ({ content: "x", usage: null }));
    expect((await call()).usage).toEqual({ inputTokens: null, outputTokens: null });
    server.setHandler(() => ({ content: "x", usage: { prompt_tokens: "many", completion_tokens: -1 } }));
    expect((await call()).usage).toEqual({ inputTokens: null, outputTokens: null });
  });

  it("never holds thinking", async () => {
    server.setHandler(() => ({ content: "<think>\nThe plan: SECRET.\n</think>\n\nThe answer.", thinking: "SECRET" }));
    expect((await call()).text).toBe("The answer.");
    server.setHandler(() => ({ content: "The plan: SECRET.\n</think>\n\nThe answer." }));
    expect((await call()).text).toBe("The answer.");
    server.setHandler(() => ({ content: "<think>The plan: SECRET and", finish: "length" }));
    expect(await call()).toMatchObject({ text: "", finish: "length" });
    server.setHandler(() => ({ content: "", thinking: "SECRET", finish: "length" }));
    expect(await call()).toMatchObject({ text: "", finish: "length" });
  });

  it("is read from parts, and survives fields of the wrong type without a word on stdout", async () => {
    const log = vi.spyOn(console, "log");
    server.setHandler(() =>
      raw(kind, {
        role: "assistant",
        content: [
          { type: "text", text: "One, " },
          { type: "thinking", text: "SECRET" },
          { type: "text", text: "two." },
        ],
      }),
    );
    expect((await call()).text).toBe("One, two.");
    server.setHandler(() =>
      raw(kind, { role: 7, content: { text: "x" }, tool_calls: "none", refusal: 3 }, { id: 5, model: [], created: "now", usage: "much" }),
    );
    expect(await call()).toMatchObject({ text: "", finish: "stop", usage: { inputTokens: null, outputTokens: null }, model: "test-model" });
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });

  it("may be long and arrive late", async () => {
    const content = "All work and no play. ".repeat(5_000).trim();
    server.setHandler(() => ({ content, latencyMs: 20 }));
    expect((await call()).text).toBe(content);
  });
});
