import { LangChainTracer } from "@langchain/core/tracers/tracer_langchain";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { feedbackCallback, withServerTracing } from "../../src/tracing/server-tracing.js";
import { type LangSmithServer, refusedUrl, startLangSmithServer } from "../support/langsmith-server.js";
import { scriptedAccess, scriptedSettings } from "../support/scripted-chat.js";
import { tracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
// LangChain makes its own client once in a process: with these variables, whatever it sends arrives here.
beforeAll(async () => {
  server = await startLangSmithServer();
  for (const [name, value] of Object.entries(tracingEnv(server.url))) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** The graph that the server gets for a run. */
function served(configurable: Record<string, unknown>, env = process.env, onWarning: (text: string) => void = () => {}) {
  const graph = withServerTracing(createReviewInstructGraph({ models: scriptedAccess() }), { env, onWarning });
  if (typeof graph !== "function") throw new Error("tracing is off");
  return graph({ configurable });
}

const settings = scriptedSettings({ turns: 2 });
const ratings = 3 * 6 + 2;

function posted(): string[] {
  return server.requests.flatMap(({ fields }) => Object.keys(fields)).filter((name) => /^post\.[0-9a-f-]{36}$/.test(name));
}

function finished(name: string): boolean {
  return server.runs().some((run) => run.name === name && !run.parent_run_id && run.end_time !== undefined);
}

test("a graph with the server's callbacks sends every run once, and feedback on it", async () => {
  const configurable = { thread_id: "served" };
  // As LangGraph's server runs it.
  const events = served(configurable).streamEvents({ instruction: "Why?" }, { version: "v2", context: settings, configurable, runName: "served" });
  for await (const event of events) expect(event).toBeDefined();
  await server.until(() => finished("served") && server.feedback().length === ratings);
  expect(new Set(posted()).size).toBe(posted().length);
  const runs = server.runs();
  expect(runs.filter((run) => run.run_type === "llm").map((run) => run.name)).toEqual([
    "candidate turn 1",
    "review: accuracy turn 1",
    "review: depth turn 1",
    "review: usefulness turn 1",
    "chairman turn 1",
    "candidate turn 2",
  ]);
  const answer = runs.find((run) => run.name === "candidate turn 1");
  expect(server.feedback().filter((item) => item.run_id === answer?.id)).toHaveLength(3 * 6);
});

test("a run that Studio wants elsewhere is traced by the server alone, and rated", async () => {
  const known = server.feedback().length;
  const configurable = { thread_id: "studio", langsmith_project: "an experiment" };
  // As the server makes it.
  const tracer = new LangChainTracer({ projectName: "an experiment" });
  await served(configurable).invoke({ instruction: "Why?" }, { context: settings, configurable, callbacks: [tracer], runName: "studio" });
  await server.until(() => finished("studio") && server.feedback().length === known + ratings);
  expect(new Set(posted()).size).toBe(posted().length);
  const root = server.runs().find((run) => run.name === "studio");
  const models = server.runs().filter((run) => run.trace_id === root?.id && run.run_type === "llm");
  expect(models).toHaveLength(6);
  expect(new Set(models.map((run) => run.session_name))).toEqual(new Set(["an experiment"]));
});

test("a host that LangChain itself traces gets feedback from one more callback, and no run twice", async () => {
  const known = server.feedback().length;
  const graph = createReviewInstructGraph({ models: scriptedAccess() });
  const host = new StateGraph(MessagesAnnotation)
    .addNode("interview", async (state, config) => {
      const { messages } = await graph.invoke({ messages: state.messages }, { ...config, context: settings });
      return { messages };
    })
    .addEdge(START, "interview")
    .addEdge("interview", END)
    .compile();
  const feedback = feedbackCallback({ env: process.env, onWarning: () => {} });
  if (!feedback) throw new Error("tracing is off");
  await host.invoke({ messages: [{ role: "user", content: "Why?" }] }, { callbacks: [feedback], runName: "host" });
  await server.until(() => finished("host") && server.feedback().length === known + ratings);
  expect(new Set(posted()).size).toBe(posted().length);
  const root = server.runs().find((run) => run.name === "host");
  const answer = server.runs().find((run) => run.name === "candidate turn 1" && run.trace_id === root?.id);
  expect(server.feedback().filter((item) => item.run_id === answer?.id && item.trace_id === root?.id)).toHaveLength(3 * 6);
});

test("a server hears of trouble once, not with every upload", async () => {
  const warnings: string[] = [];
  const env = tracingEnv(await refusedUrl());
  const told = new Promise<void>((resolve) => {
    const graph = served({}, env, (text) => {
      warnings.push(text);
      resolve();
    });
    void Promise.all(
      [1, 2, 3].map((thread) => graph.invoke({ instruction: "Why?" }, { context: settings, configurable: { thread_id: `${thread}` } })),
    );
  });
  await told;
  expect(warnings).toEqual([expect.stringMatching(/^LangSmith gets no traces for a while: it cannot be reached/)]);
});
