import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { ConversationOutput } from "../../src/state/conversation.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { type LangSmithMode, type LangSmithServer, refusedUrl, startLangSmithServer } from "../support/langsmith-server.js";
import { tracedConversation, tracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeEach(async () => {
  server = await startLangSmithServer();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
});

/** What a conversation came to, without the ids that every run makes anew. */
function gist({ messages, turns, earlyStop }: ConversationOutput) {
  const calls = turns.map((turn) => ({ ...turn, calls: turn.calls.map(({ runId: _, ...call }) => call) }));
  return { texts: messages.map((message) => message.text), turns: calls, earlyStop };
}

async function converse(url: string, options: { count?: number; flushMs?: number } = {}) {
  const { count = 3, flushMs = 3000 } = options;
  const warnings: string[] = [];
  const tracing = await openTracing({ env: tracingEnv(url), flushMs, onWarning: (text) => warnings.push(text) });
  const ids = Array.from({ length: count }, (_, index) => `conversation ${index}`);
  const outputs = await Promise.all(ids.map((id) => tracedConversation(tracing, { id })));
  const start = performance.now();
  const { dropped } = await tracing.close();
  return { gists: outputs.map(gist), warnings, dropped, closeMs: performance.now() - start };
}

/** The SDK reports each failed upload on the console; nobody wants to read that. */
function listen() {
  const printed: unknown[][] = [];
  for (const method of ["log", "warn", "error"] as const) vi.spyOn(console, method).mockImplementation((...words) => void printed.push(words));
  return printed;
}

async function withoutTracing() {
  const tracing = await openTracing({ env: {}, onWarning: () => {} });
  return gist(await tracedConversation(tracing, { id: "untraced" }));
}

describe("a LangSmith that cannot be used changes nothing", () => {
  const modes: [string, LangSmithMode | "refused", RegExp][] = [
    ["refuses the connection", "refused", /cannot be reached \(ECONNREFUSED\)/],
    ["never answers", "hang", /did not answer/],
    ["answers 500", 500, /answered 500/],
    ["answers 429", 429, /answered 429/],
    ["answers 401", 401, /answered 401: check LANGSMITH_API_KEY/],
  ];
  test.each(modes)("%s", async (_title, mode, reason) => {
    const printed = listen();
    if (mode !== "refused") server.setMode(mode);
    const { gists, warnings, dropped, closeMs } = await converse(mode === "refused" ? await refusedUrl() : server.url, { flushMs: 1500 });
    const untraced = await withoutTracing();
    for (const conversation of gists) expect(conversation).toEqual(untraced);
    expect(dropped).toBe(3);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^LangSmith did not get 3 traces/);
    expect(warnings[0]).toMatch(reason);
    expect(printed).toEqual([]);
    // Generous: the point is that it is not the SDK's minutes.
    expect(closeMs).toBeLessThan(10_000);
  });
});

test("with a key that is refused, LangSmith is left alone from the first answer on", async () => {
  server.setMode(401);
  await converse(server.url, { count: 5 });
  expect(server.requests.length).toBeLessThan(5);
});

test("a short failure costs nothing: the upload is tried again", async () => {
  server.setMode(500);
  const conversation = converse(server.url, { count: 1 });
  await server.until(() => server.requests.length > 0);
  server.setMode("ok");
  const { dropped, warnings } = await conversation;
  expect({ dropped, warnings }).toEqual({ dropped: 0, warnings: [] });
  expect(server.runs().filter((run) => !run.parent_run_id)).toHaveLength(1);
});

test("everything has arrived when closing ends, without a wait for the flush limit", async () => {
  const { dropped, closeMs } = await converse(server.url, { count: 10, flushMs: 60_000 });
  expect(dropped).toBe(0);
  expect(closeMs).toBeLessThan(30_000);
  expect(server.runs().filter((run) => !run.parent_run_id && run.end_time !== undefined)).toHaveLength(10);
  expect(server.feedback()).toHaveLength(10 * 2 * (3 * 6 + 2));
});

test("traces that end while a server keeps everyone waiting are counted with the rest", async () => {
  server.setMode("hang");
  const warnings: string[] = [];
  const tracing = await openTracing({ env: tracingEnv(server.url), flushMs: 200, onWarning: (text) => warnings.push(text) });
  await tracedConversation(tracing, { id: "before" });
  await server.until(() => server.requests.length > 0);
  await Promise.all(["while 1", "while 2", "while 3"].map((id) => tracedConversation(tracing, { id })));
  expect(await tracing.close()).toEqual({ dropped: 4 });
  expect(warnings).toHaveLength(1);
});
