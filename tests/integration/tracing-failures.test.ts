import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { ConversationOutput } from "../../src/state/conversation.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { type LangSmithMode, type LangSmithServer, getRefusedUrl, startLangSmithServer } from "../support/langsmith-server.js";
import { createTracingEnv, runTracedConversation } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeEach(async () => {
  server = await startLangSmithServer();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
});

/** Returns what a conversation produced, without run ids, which differ in every run. */
function toComparable({ messages, turns, earlyStop }: ConversationOutput) {
  const comparableTurns = turns.map((turn) => ({ ...turn, calls: turn.calls.map(({ runId: _, ...call }) => call) }));
  return { texts: messages.map((message) => message.text), turns: comparableTurns, earlyStop };
}

/** Runs conversations with tracing to a server, closes tracing and measures how long that takes. */
async function runConversations(url: string, options: { count?: number; flushMs?: number } = {}) {
  const { count = 3, flushMs = 3000 } = options;
  const warnings: string[] = [];
  const tracing = await openTracing({ env: createTracingEnv(url), flushMs, onWarning: (text) => warnings.push(text) });
  const ids = Array.from({ length: count }, (_, index) => `conversation ${index}`);
  const outputs = await Promise.all(ids.map((id) => runTracedConversation(tracing, { id })));
  const start = performance.now();
  const { dropped } = await tracing.close();
  return { conversations: outputs.map(toComparable), warnings, dropped, closeMs: performance.now() - start };
}

/** Records what is printed on the console, where the SDK reports failed uploads. */
function recordConsole() {
  const printed: unknown[][] = [];
  for (const method of ["log", "warn", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((...values) => void printed.push(values));
  }
  return printed;
}

async function runUntracedConversation() {
  const tracing = await openTracing({ env: {}, onWarning: () => {} });
  return toComparable(await runTracedConversation(tracing, { id: "untraced" }));
}

const modes: [string, LangSmithMode | "refused", RegExp][] = [
  ["refuses the connection", "refused", /cannot be reached \(ECONNREFUSED\)/],
  ["never responds", "hang", /did not answer/],
  ["responds with 500", 500, /answered 500/],
  ["responds with 429", 429, /answered 429/],
  ["responds with 401", 401, /answered 401: check LANGSMITH_API_KEY/],
];

test.each(modes)("conversations do not change if LangSmith %s", async (_description, mode, reason) => {
  const printed = recordConsole();
  if (mode !== "refused") server.setMode(mode);
  const url = mode === "refused" ? await getRefusedUrl() : server.url;
  const { conversations, warnings, dropped, closeMs } = await runConversations(url, { flushMs: 1500 });
  const untraced = await runUntracedConversation();
  for (const conversation of conversations) expect(conversation).toEqual(untraced);
  expect(dropped).toBe(3);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^LangSmith did not get 3 traces/);
  expect(warnings[0]).toMatch(reason);
  expect(printed).toEqual([]);
  // Far above the flush limit, and far below the minutes for which the SDK would retry.
  expect(closeMs).toBeLessThan(10_000);
});

test("LangSmith gets no more requests after it refused the key", async () => {
  server.setMode(401);
  await runConversations(server.url, { count: 5 });
  expect(server.requests.length).toBeLessThan(5);
});

test("an upload is retried after a short failure, and nothing is lost", async () => {
  server.setMode(500);
  const running = runConversations(server.url, { count: 1 });
  await server.waitUntil(() => server.requests.length > 0);
  server.setMode("ok");
  const { dropped, warnings } = await running;
  expect({ dropped, warnings }).toEqual({ dropped: 0, warnings: [] });
  expect(server.getRuns().filter((run) => !run.parent_run_id)).toHaveLength(1);
});

test("closing sends everything and does not wait for the flush limit", async () => {
  const { dropped, closeMs } = await runConversations(server.url, { count: 10, flushMs: 60_000 });
  expect(dropped).toBe(0);
  expect(closeMs).toBeLessThan(30_000);
  expect(server.getRuns().filter((run) => !run.parent_run_id && run.end_time !== undefined)).toHaveLength(10);
  expect(server.getFeedback()).toHaveLength(10 * 2 * (3 * 6 + 2));
});

test("traces that end while the server does not respond are counted as dropped", async () => {
  server.setMode("hang");
  const warnings: string[] = [];
  const tracing = await openTracing({ env: createTracingEnv(server.url), flushMs: 200, onWarning: (text) => warnings.push(text) });
  await runTracedConversation(tracing, { id: "before" });
  await server.waitUntil(() => server.requests.length > 0);
  await Promise.all(["while 1", "while 2", "while 3"].map((id) => runTracedConversation(tracing, { id })));
  expect(await tracing.close()).toEqual({ dropped: 4 });
  expect(warnings).toHaveLength(1);
});
