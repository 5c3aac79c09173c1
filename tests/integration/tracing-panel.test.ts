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

type PanelNode = typeof panel | ((state: typeof MessagesAnnotation.State, runtime: RunnableConfig) => Promise<object>);

function createHost(panelNode: PanelNode) {
  return new StateGraph(MessagesAnnotation).addNode("panel", panelNode).addEdge(START, "panel").addEdge("panel", END).compile();
}

const hostThatInvokesPanel = createHost(async (state, runtime) => {
  await panel.invoke({ messages: state.messages }, runtime);
  return {};
});

test.each([
  ["by itself", panel, "the answer"],
  ["as a node of a host graph", createHost(panel), "review_panel"],
  ["in a node of a host graph", hostThatInvokesPanel, "review_panel"],
])("feedback of a panel that runs %s goes to the runs of the reviews and of the panel", async (id, graph, panelRunName) => {
  const tracing = await openTracing({ env: createTracingEnv(server.url), onWarning: () => {} });
  const config = tracing.getRunConfig({ id, seedTitle: "the answer", settings, fingerprint: "x" });
  await graph.invoke({ messages }, { ...config, configurable: { thread_id: id } });
  await tracing.close();

  const runs = server.getRuns().filter((run) => run.extra.metadata.conversation === id);
  const root = runs.find((run) => !run.parent_run_id);
  const feedback = server.getFeedback().filter((entry) => runs.some((run) => run.id === entry.run_id));
  for (const entry of feedback) expect(entry.trace_id).toBe(root?.id);
  const getRunName = (runId: string) => runs.find((run) => run.id === runId)?.name ?? "unknown";
  const scoredRuns = feedback.map((entry) => `${getRunName(entry.run_id)}: ${entry.key}`);
  const keys = ["usefulness", "relevance", "accuracy", "depth", "creativity", "verdict"];
  const reviews = ["accuracy", "depth", "usefulness"].flatMap((reviewer) => keys.map((key) => `review: ${reviewer} turn 1: ${key}`));
  expect(scoredRuns.sort()).toEqual([...reviews, `${panelRunName}: panel_score`, `${panelRunName}: panel_verdict`].sort());
  for (const entry of feedback.filter(({ key }) => key === "depth")) {
    expect(getRunName(entry.run_id)).toBe(`review: ${String(entry.feedback_source.metadata.reviewer)} turn 1`);
  }
});
