import { CallbackManager } from "@langchain/core/callbacks/manager";
import { awaitAllCallbacks } from "@langchain/core/callbacks/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

import { InputError } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { createFeedbackCallback, withServerTracing } from "../../src/tracing/server-tracing.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { createScriptedCaller, createScriptedSettings } from "../support/scripted-chat.js";
import { createTracingEnv, runTracedConversation } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeAll(async () => {
  server = await startLangSmithServer();
});
afterAll(() => server.close());
afterEach(() => vi.unstubAllEnvs());

/** Runs a conversation in an environment and counts the requests to LangSmith, feedback included. */
async function countRequests(variables: Record<string, string>, sample?: number): Promise<number> {
  const env = { ...createTracingEnv(server.url), ...variables };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const countBefore = server.requests.length;
  const tracing = await openTracing({ env, sample, onWarning: () => {} });
  await runTracedConversation(tracing, { id: JSON.stringify(variables) });
  await tracing.close();
  await awaitAllCallbacks();
  return server.requests.length - countBefore;
}

test("no request is sent while tracing is off, whatever LangChain's other variables say", async () => {
  expect(await countRequests({ LANGSMITH_TRACING: "false" })).toBe(0);
  expect(await countRequests({ LANGSMITH_TRACING: "" })).toBe(0);
  expect(await countRequests({ LANGSMITH_TRACING: "1" })).toBe(0);
  expect(await countRequests({ LANGSMITH_TRACING: "True" })).toBe(0);
  expect(await countRequests({ LANGSMITH_TRACING: "false", LANGSMITH_TRACING_V2: "true", LANGCHAIN_TRACING: "true" })).toBe(0);
});

test("the record has no run ids if a callback handler listens but nothing is traced", async () => {
  const graph = createReviewInstructGraph({ callModel: createScriptedCaller() });
  const callbacks = CallbackManager.fromHandlers({ handleLLMStart: () => {} });
  const { turns } = await graph.invoke({ instruction: "Why?" }, { context: createScriptedSettings({ turns: 2 }), callbacks });
  expect(turns.flatMap(({ calls }) => calls)).toHaveLength(6);
  expect(JSON.stringify(turns)).not.toContain("runId");
});

test("no request is sent for a conversation outside the sample", async () => {
  expect(await countRequests({}, 0)).toBe(0);
  expect(await countRequests({ LANGSMITH_TRACING_SAMPLING_RATE: "0" })).toBe(0);
});

test("either of two variables turns tracing on", async () => {
  expect(await countRequests({})).toBeGreaterThan(0);
  expect(await countRequests({ LANGSMITH_TRACING: "", LANGCHAIN_TRACING_V2: "true" })).toBeGreaterThan(0);
});

test("a server gets the unchanged graph while tracing is off, and no project to trace to", () => {
  const options = { env: createTracingEnv(server.url, { LANGSMITH_TRACING: "false" }), onWarning: () => {} };
  const graph = createReviewInstructGraph({ callModel: createScriptedCaller() });
  const configurable = { thread_id: "1", langsmith_project: "the client's project" };
  expect(withServerTracing(graph, options)({ configurable })).toBe(graph);
  expect(configurable).toEqual({ thread_id: "1" });
  expect(createFeedbackCallback(options)).toBeNull();
});

test("LangChain's other variables do not trace a served graph", async () => {
  const env = { ...createTracingEnv(server.url, { LANGSMITH_TRACING: "false" }), LANGSMITH_TRACING_V2: "true", LANGCHAIN_TRACING: "true" };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const countBefore = server.requests.length;
  const graph = withServerTracing(createReviewInstructGraph({ callModel: createScriptedCaller() }), { env, onWarning: () => {} })({});
  await graph.invoke({ instruction: "Why?" }, { context: { turns: 1 } });
  await awaitAllCallbacks();
  expect(server.requests.length).toBe(countBefore);
});

test("an invalid sample rate is an input error", async () => {
  for (const sample of [-0.1, 1.1, Number.NaN]) {
    await expect(openTracing({ env: {}, sample, onWarning: () => {} })).rejects.toThrow(InputError);
  }
  await expect(openTracing({ env: { LANGSMITH_TRACING_SAMPLING_RATE: "half" }, onWarning: () => {} })).rejects.toThrow("0 to 1");
});
