import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createReviewPanel } from "../../src/graph/review-panel.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { createScriptedCaller, createScriptedSettings } from "../support/scripted-chat.js";
import { createTracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeAll(async () => {
  server = await startLangSmithServer();
});
afterAll(() => server.close());

const settings = createScriptedSettings();
const panel = createReviewPanel({ callModel: createScriptedCaller(), settings });
const messages = [new HumanMessage("Why is the sky blue?"), new AIMessage("Air scatters blue light most.")];

const host = (node: typeof panel | ((state: typeof MessagesAnnotation.State, runtime: RunnableConfig) => Promise<object>)) =>
  new StateGraph(MessagesAnnotation).addNode("panel", node).addEdge(START, "panel").addEdge("panel", END).compile();
const called = host(async (state, runtime) => {
  await panel.invoke({ messages: state.messages }, runtime);
  return {};
});

test.each([
  ["by itself", panel, "the answer"],
  ["as a node of a host", host(panel), "review_panel"],
  ["called by a node of a host", called, "review_panel"],
])("a panel %s: each review rates its own run, and the panel its own", async (id, graph, name) => {
  const tracing = await openTracing({ env: createTracingEnv(server.url), onWarning: () => {} });
  const config = tracing.getRunConfig({ id, seedTitle: "the answer", settings, fingerprint: "x" });
  await graph.invoke({ messages }, { ...config, configurable: { thread_id: id } });
  await tracing.close();

  const runs = server.getRuns().filter((run) => run.extra.metadata.conversation === id);
  const root = runs.find((run) => !run.parent_run_id);
  const feedback = server.getFeedback().filter((item) => runs.some((run) => run.id === item.run_id));
  for (const item of feedback) expect(item.trace_id).toBe(root?.id);
  const formatName = (runId: string) => runs.find((run) => run.id === runId)?.name ?? "unknown";
  const rated = feedback.map((item) => `${formatName(item.run_id)}: ${item.key}`);
  const keys = ["usefulness", "relevance", "accuracy", "depth", "creativity", "verdict"];
  const reviews = ["accuracy", "depth", "usefulness"].flatMap((reviewer) => keys.map((key) => `review: ${reviewer} turn 1: ${key}`));
  expect(rated.sort()).toEqual([...reviews, `${name}: panel_score`, `${name}: panel_verdict`].sort());
  for (const item of feedback.filter(({ key }) => key === "depth"))
    expect(formatName(item.run_id)).toBe(`review: ${String(item.feedback_source.metadata.reviewer)} turn 1`);
});
