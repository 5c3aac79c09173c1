import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createFeedbackCallback, withServerTracing } from "../../src/tracing/server-tracing.js";
import { type LangSmithServer, getRefusedUrl, startLangSmithServer } from "../support/langsmith-server.js";
import { createScriptedCaller, createScriptedSettings } from "../support/scripted-chat.js";
import { createTracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
// LangChain makes its own client once in a process: with these variables, whatever it sends arrives here.
beforeAll(async () => {
  server = await startLangSmithServer();
  for (const [name, value] of Object.entries(createTracingEnv(server.url))) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** The graph that the server gets for a run. */
function served(configurable: Record<string, unknown>, env = process.env, onWarning: (text: string) => void = () => {}) {
  const graph = withServerTracing(createReviewInstructGraph({ callModel: createScriptedCaller() }), { env, onWarning });
  return graph({ configurable });
}

const settings = createScriptedSettings({ turns: 2 });
const ratings = 3 * 6 + 2;

function posted(): string[] {
  return server.requests.flatMap(({ fields }) => Object.keys(fields)).filter((name) => /^post\.[0-9a-f-]{36}$/.test(name));
}

function finished(name: string): boolean {
  return server.getRuns().some((run) => run.name === name && !run.parent_run_id && run.end_time !== undefined);
}

test("a graph with the server's callbacks sends every run once, and feedback on it", async () => {
  const configurable = { thread_id: "served" };
  // As LangGraph's server runs it.
  const events = served(configurable).streamEvents({ instruction: "Why?" }, { version: "v2", context: settings, configurable, runName: "served" });
  for await (const event of events) expect(event).toBeDefined();
  await server.waitUntil(() => finished("served") && server.getFeedback().length === ratings);
  expect(new Set(posted()).size).toBe(posted().length);
  const runs = server.getRuns();
  expect(runs.filter((run) => run.run_type === "llm").map((run) => run.name)).toEqual([
    "candidate turn 1",
    "review: accuracy turn 1",
    "review: depth turn 1",
    "review: usefulness turn 1",
    "chairman turn 1",
    "candidate turn 2",
  ]);
  const answer = runs.find((run) => run.name === "candidate turn 1");
  expect(server.getFeedback().filter((item) => item.run_id === answer?.id)).toHaveLength(3 * 6);
});

test("a run that Studio wants elsewhere too goes to both projects, scrubbed, by us alone, and is rated", async () => {
  const known = server.getFeedback().length;
  const example = "0b1e1e0c-32c6-4f1e-9d4c-6a5b7f6f2a11";
  const configurable = { thread_id: "studio", langsmith_project: "an experiment", langsmith_example_id: example };
  const graph = served(configurable);
  // A project that is still there would make the server trace by itself.
  expect(configurable).not.toHaveProperty("langsmith_project");
  const instruction = "Why is sk-proj-plantedplanted0001 mine?";
  await graph.invoke({ instruction }, { context: settings, configurable, runName: "studio" });
  const roots = () => server.getRuns().filter((run) => run.name === "studio" && !run.parent_run_id && run.end_time !== undefined);
  await server.waitUntil(() => roots().length === 2 && server.getFeedback().length === known + ratings);
  expect(new Set(posted()).size).toBe(posted().length);
  const projects = new Map(roots().map((root) => [root.session_name, root]));
  expect(new Set(projects.keys())).toEqual(new Set(["an experiment", "default"]));
  expect(projects.get("an experiment")?.reference_example_id).toBe(example);
  for (const root of roots()) {
    const models = server.getRuns().filter((run) => run.trace_id === root.id && run.run_type === "llm");
    expect(models.map(({ extra }) => extra.metadata.attempt)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(models.filter(({ tags }) => tags.includes("verdict:positive") || tags.includes("verdict:negative"))).toHaveLength(3);
  }
  const rated = new Set(server.getFeedback().slice(known).map((rating) => rating.trace_id)); // prettier-ignore
  expect(rated).toEqual(new Set([projects.get("default")?.id]));
  expect(server.getSentText()).not.toContain("plantedplanted");
});

test("a host that LangChain itself traces gets feedback from one more callback, and no run twice", async () => {
  const known = server.getFeedback().length;
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
  await server.waitUntil(() => finished("host") && server.getFeedback().length === known + ratings);
  expect(new Set(posted()).size).toBe(posted().length);
  const root = server.getRuns().find((run) => run.name === "host");
  const answer = server.getRuns().find((run) => run.name === "candidate turn 1" && run.trace_id === root?.id);
  expect(server.getFeedback().filter((item) => item.run_id === answer?.id && item.trace_id === root?.id)).toHaveLength(3 * 6);
});

test("a server hears of trouble once, not with every upload", async () => {
  const warnings: string[] = [];
  const env = createTracingEnv(await getRefusedUrl());
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
