import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createFeedbackCallback, withServerTracing } from "../../src/tracing/server-tracing.js";
import { type LangSmithServer, getRefusedUrl, startLangSmithServer } from "../support/langsmith-server.js";
import { createScriptedCaller, createScriptedSettings } from "../support/scripted-chat.js";
import { createTracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
// LangChain creates its own client once per process. With these variables, everything that it sends arrives at this server.
beforeAll(async () => {
  server = await startLangSmithServer();
  for (const [name, value] of Object.entries(createTracingEnv(server.url))) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** Returns the graph that a server gets for a run. */
function getServedGraph(configurable: Record<string, unknown>, env = process.env, onWarning: (text: string) => void = () => {}) {
  const graph = withServerTracing(createReviewInstructGraph({ callModel: createScriptedCaller() }), { env, onWarning });
  return graph({ configurable });
}

const settings = createScriptedSettings({ turns: 2 });
/** Feedback entries of one reviewed turn: six per reviewer, and two of the panel. */
const feedbackCount = 3 * 6 + 2;

function expectRunsSentOnce(): void {
  const postedRunIds = server.getPostedRunIds();
  expect(new Set(postedRunIds).size).toBe(postedRunIds.length);
}

function hasEnded(name: string): boolean {
  return server.getRuns().some((run) => run.name === name && !run.parent_run_id && run.end_time !== undefined);
}

test("a served graph sends every run once, and its feedback", async () => {
  const configurable = { thread_id: "served" };
  // LangGraph server runs a graph this way.
  const events = getServedGraph(configurable).streamEvents(
    { instruction: "Why?" },
    { version: "v2", context: settings, configurable, runName: "served" },
  );
  for await (const event of events) expect(event).toBeDefined();
  await server.waitUntil(() => hasEnded("served") && server.getFeedback().length === feedbackCount);
  expectRunsSentOnce();
  const runs = server.getRuns();
  expect(runs.filter((run) => run.run_type === "llm").map((run) => run.name)).toEqual([
    "candidate turn 1",
    "review: accuracy turn 1",
    "review: depth turn 1",
    "review: usefulness turn 1",
    "chairman turn 1",
    "candidate turn 2",
  ]);
  const responseRun = runs.find((run) => run.name === "candidate turn 1");
  expect(server.getFeedback().filter((entry) => entry.run_id === responseRun?.id)).toHaveLength(3 * 6);
});

test("a run with a requested project is sent once to both projects, redacted, and gets feedback in one", async () => {
  const knownCount = server.getFeedback().length;
  const exampleId = "0b1e1e0c-32c6-4f1e-9d4c-6a5b7f6f2a11";
  const configurable = { thread_id: "studio", langsmith_project: "an experiment", langsmith_example_id: exampleId };
  const graph = getServedGraph(configurable);
  // If the project were still there, the server would trace by itself.
  expect(configurable).not.toHaveProperty("langsmith_project");
  const instruction = "Why is sk-proj-plantedplanted0001 mine?";
  await graph.invoke({ instruction }, { context: settings, configurable, runName: "studio" });
  const getRoots = () => server.getRuns().filter((run) => run.name === "studio" && !run.parent_run_id && run.end_time !== undefined);
  await server.waitUntil(() => getRoots().length === 2 && server.getFeedback().length === knownCount + feedbackCount);
  expectRunsSentOnce();
  const projects = new Map(getRoots().map((root) => [root.session_name, root]));
  expect(new Set(projects.keys())).toEqual(new Set(["an experiment", "default"]));
  expect(projects.get("an experiment")?.reference_example_id).toBe(exampleId);
  for (const root of getRoots()) {
    const modelRuns = server.getRuns().filter((run) => run.trace_id === root.id && run.run_type === "llm");
    expect(modelRuns.map(({ extra }) => extra.metadata.attempt)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(modelRuns.filter(({ tags }) => tags.includes("verdict:positive") || tags.includes("verdict:negative"))).toHaveLength(3);
  }
  const newFeedback = server.getFeedback().slice(knownCount);
  expect(new Set(newFeedback.map((entry) => entry.trace_id))).toEqual(new Set([projects.get("default")?.id]));
  expect(server.getSentText()).not.toContain("plantedplanted");
});

test("a callback adds feedback to a host graph that LangChain traces, and no run is sent twice", async () => {
  const knownCount = server.getFeedback().length;
  const graph = createReviewInstructGraph({ callModel: createScriptedCaller() });
  const host = new StateGraph(MessagesAnnotation)
    .addNode("interview", async (state, config) => {
      const { messages } = await graph.invoke({ messages: state.messages }, { ...config, context: settings });
      return { messages };
    })
    .addEdge(START, "interview")
    .addEdge("interview", END)
    .compile();
  const feedback = createFeedbackCallback({ env: process.env, onWarning: () => {} });
  if (!feedback) throw new Error("tracing is off");
  await host.invoke({ messages: [{ role: "user", content: "Why?" }] }, { callbacks: [feedback], runName: "host" });
  await server.waitUntil(() => hasEnded("host") && server.getFeedback().length === knownCount + feedbackCount);
  expectRunsSentOnce();
  const root = server.getRuns().find((run) => run.name === "host");
  const responseRun = server.getRuns().find((run) => run.name === "candidate turn 1" && run.trace_id === root?.id);
  expect(server.getFeedback().filter((entry) => entry.run_id === responseRun?.id && entry.trace_id === root?.id)).toHaveLength(3 * 6);
});

test("a server logs one warning when LangSmith fails, not one per upload", async () => {
  const warnings: string[] = [];
  const env = createTracingEnv(await getRefusedUrl());
  const warned = new Promise<void>((resolve) => {
    const graph = getServedGraph({}, env, (text) => {
      warnings.push(text);
      resolve();
    });
    void Promise.all(
      [1, 2, 3].map((thread) => graph.invoke({ instruction: "Why?" }, { context: settings, configurable: { thread_id: `${thread}` } })),
    );
  });
  await warned;
  expect(warnings).toEqual([expect.stringMatching(/^LangSmith gets no traces for a while: it cannot be reached/)]);
});
