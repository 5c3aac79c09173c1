import { CallbackManager } from "@langchain/core/callbacks/manager";
import { awaitAllCallbacks } from "@langchain/core/callbacks/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

import { InputError } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createFeedbackCallback, withServerTracing } from "../../src/tracing/server-tracing.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { createScriptedCaller, createScriptedSettings } from "../support/scripted-chat.js";
import { runTracedConversation, createTracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeAll(async () => {
  server = await startLangSmithServer();
});
afterAll(() => server.close());
afterEach(() => vi.unstubAllEnvs());

/** Runs a conversation in such an environment and counts what LangSmith hears of it, feedback included. */
async function requestsOf(variables: Record<string, string>, sample?: number): Promise<number> {
  const env = { ...createTracingEnv(server.url), ...variables };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const before = server.requests.length;
  const tracing = await openTracing({ env, sample, onWarning: () => {} });
  await runTracedConversation(tracing, { id: JSON.stringify(variables) });
  await tracing.close();
  await awaitAllCallbacks();
  return server.requests.length - before;
}

test("off means no request at all, whatever LangChain's other variables say", async () => {
  expect(await requestsOf({ LANGSMITH_TRACING: "false" })).toBe(0);
  expect(await requestsOf({ LANGSMITH_TRACING: "" })).toBe(0);
  expect(await requestsOf({ LANGSMITH_TRACING: "1" })).toBe(0);
  expect(await requestsOf({ LANGSMITH_TRACING: "True" })).toBe(0);
  expect(await requestsOf({ LANGSMITH_TRACING: "false", LANGSMITH_TRACING_V2: "true", LANGCHAIN_TRACING: "true" })).toBe(0);
});

test("what is watched but not traced keeps no run ids", async () => {
  const graph = createReviewInstructGraph({ callModel: createScriptedCaller() });
  const watcher = CallbackManager.fromHandlers({ handleLLMStart: () => {} });
  const { turns } = await graph.invoke({ instruction: "Why?" }, { context: createScriptedSettings({ turns: 2 }), callbacks: watcher });
  expect(turns.flatMap(({ calls }) => calls)).toHaveLength(6);
  expect(JSON.stringify(turns)).not.toContain("runId");
});

test("a conversation outside the sample is not heard of, although tracing is on", async () => {
  expect(await requestsOf({}, 0)).toBe(0);
  expect(await requestsOf({ LANGSMITH_TRACING_SAMPLING_RATE: "0" })).toBe(0);
});

test("on by either variable", async () => {
  expect(await requestsOf({})).toBeGreaterThan(0);
  expect(await requestsOf({ LANGSMITH_TRACING: "", LANGCHAIN_TRACING_V2: "true" })).toBeGreaterThan(0);
});

test("a server gets the graph as it is while tracing is off, and no project to trace to", () => {
  const options = { env: createTracingEnv(server.url, { LANGSMITH_TRACING: "false" }), onWarning: () => {} };
  const graph = createReviewInstructGraph({ callModel: createScriptedCaller() });
  const configurable = { thread_id: "1", langsmith_project: "a client's own" };
  expect(withServerTracing(graph, options)({ configurable })).toBe(graph);
  expect(configurable).toEqual({ thread_id: "1" });
  expect(createFeedbackCallback(options)).toBeNull();
});

test("a served graph is not traced by LangChain's other variables either", async () => {
  const env = { ...createTracingEnv(server.url, { LANGSMITH_TRACING: "false" }), LANGSMITH_TRACING_V2: "true", LANGCHAIN_TRACING: "true" };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const before = server.requests.length;
  const graph = withServerTracing(createReviewInstructGraph({ callModel: createScriptedCaller() }), { env, onWarning: () => {} })({});
  await graph.invoke({ instruction: "Why?" }, { context: { turns: 1 } });
  await awaitAllCallbacks();
  expect(server.requests.length).toBe(before);
});

test("a share that is none is refused", async () => {
  for (const sample of [-0.1, 1.1, Number.NaN]) {
    await expect(openTracing({ env: {}, sample, onWarning: () => {} })).rejects.toThrow(InputError);
  }
  await expect(openTracing({ env: { LANGSMITH_TRACING_SAMPLING_RATE: "half" }, onWarning: () => {} })).rejects.toThrow("0 to 1");
});
