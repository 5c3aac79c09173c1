import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { Settings } from "../../src/state/settings.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { type LangSmithServer, type ReceivedRun, startLangSmithServer } from "../support/langsmith-server.js";
import { type ChatScript, defaultChat, createScriptedCaller, createScriptedSettings, createUpstreamError } from "../support/scripted-chat.js";
import { formatReview } from "../support/scripted-models.js";
import { runTracedConversation, createTracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeAll(async () => {
  server = await startLangSmithServer();
});
afterAll(() => server.close());
afterEach(() => vi.unstubAllEnvs());

/** Turn 1: the usefulness reviewer abstains. Turn 2: the candidate's first attempt fails, and the depth review is negative. */
const eventfulScript: ChatScript = (model, call) => {
  if (model === "candidate" && call === 2) return createUpstreamError();
  if (model === "usefulness" && call <= 3) return "I would rather not put this into JSON.";
  if (model === "depth" && call === 2) return formatReview("negative", "No mechanism is named.");
  return defaultChat(model, call);
};

/** Sets the variables for LangChain too, so that runs that it sends by itself would arrive at the same server. */
function stubTracingEnv(variables: Record<string, string> = {}) {
  const env = createTracingEnv(server.url, variables);
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return env;
}

/** Runs a traced conversation and returns its runs. */
async function traceConversation(id: string, script: ChatScript): Promise<{ runs: ReceivedRun[]; root: ReceivedRun }> {
  const env = stubTracingEnv({ LANGSMITH_PROJECT: "tests" });
  const warnings: string[] = [];
  const tracing = await openTracing({ env, experiment: "bold", onWarning: (text) => warnings.push(text) });
  await runTracedConversation(tracing, { id, callModel: createScriptedCaller(script), settings: createScriptedSettings({ quorum: 2 }) });
  expect(await tracing.close()).toEqual({ dropped: 0 });
  expect(warnings).toEqual([]);
  const runs = server.getRuns().filter((run) => run.extra.metadata.thread_id === id);
  const roots = runs.filter((run) => !run.parent_run_id);
  expect(roots).toHaveLength(1);
  const [root] = roots;
  if (!root) throw new Error("the trace has no root");
  return { runs, root };
}

describe("the trace of a conversation with a retried call and an abstention", () => {
  let runs: ReceivedRun[];
  let root: ReceivedRun;
  const getModelRuns = () => runs.filter((run) => run.run_type === "llm");
  beforeAll(async () => {
    ({ runs, root } = await traceConversation("eventful", eventfulScript));
  });

  test("a trace is one tree whose root has the seed as its name, in the requested project", () => {
    expect(root.name).toBe("seed of eventful");
    expect(new Set(runs.map((run) => run.trace_id))).toEqual(new Set([root.id]));
    const ids = new Set(runs.map((run) => run.id));
    for (const run of runs) if (run !== root) expect(ids).toContain(run.parent_run_id);
    expect(new Set(runs.map((run) => run.session_name))).toEqual(new Set(["tests"]));
    for (const run of runs) expect(run.end_time, run.name).toBeDefined();
  });

  test("a trace has one run per attempt, with role and turn as its name", () => {
    expect(getModelRuns().map((run) => run.name)).toEqual([
      "candidate turn 1",
      "review: accuracy turn 1",
      "review: depth turn 1",
      "review: usefulness turn 1",
      "review: usefulness turn 1",
      "review: usefulness turn 1",
      "chairman turn 1",
      "candidate turn 2",
      "candidate turn 2",
      "review: accuracy turn 2",
      "review: depth turn 2",
      "review: usefulness turn 2",
      "chairman turn 2",
      "candidate turn 3",
    ]);
    const [failed, succeeded] = getModelRuns().filter((run) => run.name === "candidate turn 2");
    expect(failed?.error).toContain("the model is overloaded");
    expect(failed?.extra.metadata.attempt).toBe(1);
    expect(succeeded?.error ?? null).toBeNull();
    expect(succeeded?.extra.metadata).toMatchObject({ attempt: 2, attempt_reason: "retry" });
    expect(succeeded?.tags).toEqual(expect.arrayContaining(["attempt:2", "retry"]));
  });

  test("an abstention labels the last of the reviewer's attempts and its node", () => {
    const attempts = getModelRuns().filter((run) => run.name === "review: usefulness turn 1");
    expect(attempts.map((run) => run.extra.metadata.attempt_reason)).toEqual([undefined, "repair", "repair"]);
    expect(attempts.map((run) => run.tags.includes("abstention"))).toEqual([false, false, true]);
    expect(attempts[2]?.extra.metadata.abstention).toBe("response_invalid");
    const node = runs.find((run) => run.id === attempts[2]?.parent_run_id);
    expect(node?.name).toBe("reviewer");
    expect(node?.tags).toEqual(expect.arrayContaining(["abstention", "abstention:response_invalid", "reviewer:usefulness", "turn:1"]));
  });

  test("tags find the negative reviews of the depth reviewer in turn 2", () => {
    const tags = ["reviewer:depth", "turn:2", "verdict:negative"];
    const found = getModelRuns().filter((run) => tags.every((tag) => run.tags.includes(tag)));
    expect(found.map((run) => run.name)).toEqual(["review: depth turn 2"]);
    expect(found[0]?.extra.metadata).toMatchObject({ reviewer: "depth", turn: 2, verdict: "negative", scores: { depth: 3 } });
    expect(JSON.stringify(found[0]?.outputs)).toContain("No mechanism is named.");
  });

  test("every run has the labels of its conversation", () => {
    const common = {
      conversation: "eventful",
      seed: 7,
      mode: "multi_review",
      settings: "0123456789abcdef",
      experiment: "bold",
      thread_id: "eventful",
    };
    const tags = ["conversation:eventful", "seed:7", "mode:multi_review", "settings:0123456789abcdef", "experiment:bold"];
    for (const run of runs) {
      expect(run.extra.metadata).toMatchObject(common);
      expect(run.tags).toEqual(expect.arrayContaining(tags));
    }
    const chairman = getModelRuns().find((run) => run.name === "chairman turn 2");
    expect(chairman?.extra.metadata).toMatchObject({ role: "chairman", turn: 2, evolution: "breadth", model: "openai:chairman", attempt: 1 });
    expect(chairman?.extra.metadata.prompt).toMatch(/^chairman\//);
    expect(chairman?.tags).toEqual(expect.arrayContaining(["role:chairman", "turn:2", "evolution:breadth", "model:openai:chairman"]));
  });

  test("every successful call has its tokens and texts", () => {
    for (const run of getModelRuns().filter((model) => !model.error)) {
      expect(run.extra.metadata.usage_metadata, run.name).toMatchObject({ input_tokens: expect.any(Number), output_tokens: expect.any(Number) });
    }
    const response = getModelRuns().find((run) => run.name === "candidate turn 1");
    expect(JSON.stringify(response?.inputs)).toContain("Why is the sky blue?");
    expect(JSON.stringify(response?.outputs)).toContain("Answer 1.");
  });

  test("a trace has no environment variables in its metadata", () => {
    for (const run of runs) expect(Object.keys(run.extra.metadata).filter((name) => /^LANG(?:SMITH|CHAIN)_/.test(name))).toEqual([]);
  });

  test("each review scores the response, with its critique as comment and its run as source", () => {
    const responseRun = getModelRuns().findLast((run) => run.name === "candidate turn 2");
    const review = getModelRuns().find((run) => run.name === "review: depth turn 2");
    const feedback = server.getFeedback().filter((entry) => entry.run_id === responseRun?.id);
    expect(feedback).toHaveLength(3 * 6);
    const depthFeedback = feedback.filter((entry) => entry.feedback_source.metadata.reviewer === "depth");
    expect(Object.fromEntries(depthFeedback.map(({ key, score }) => [key, score]))).toEqual({
      usefulness: 3,
      relevance: 3,
      accuracy: 3,
      depth: 3,
      creativity: 3,
      verdict: 0,
    });
    for (const entry of depthFeedback) {
      expect(entry.comment).toBe("No mechanism is named.");
      expect(entry.feedback_source).toMatchObject({ type: "model", metadata: { __run: { run_id: review?.id }, turn: 2 } });
      expect(entry.trace_id).toBe(root.id);
      expect(entry.session_id).toMatch(/^[0-9a-f-]{36}$/);
    }
    const firstResponseRun = getModelRuns().find((run) => run.name === "candidate turn 1");
    const reviewers = server.getFeedback().filter((entry) => entry.run_id === firstResponseRun?.id && entry.key === "verdict");
    expect(reviewers.map((entry) => entry.feedback_source.metadata.reviewer)).toEqual(["accuracy", "depth"]);
  });

  test("the root run gets the panel's mean score and verdict of every reviewed turn", () => {
    const feedback = server.getFeedback().filter((entry) => entry.run_id === root.id);
    const summary = feedback.map(({ key, score, value, feedback_source }) => [feedback_source.metadata.turn, key, score, value ?? null]);
    // Feedback arrives in any order.
    expect(summary.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual([
      [1, "panel_score", 8, null],
      [1, "panel_verdict", 1, "positive"],
      [2, "panel_score", Number(((8 + 8 + 3) / 3).toFixed(4)), null],
      [2, "panel_verdict", 1, "positive"],
    ]);
  });
});

test("every run is sent once, although LangChain would send runs by itself", async () => {
  const { runs } = await traceConversation("once", defaultChat);
  const postedRunIds = server.getPostedRunIds();
  expect(new Set(postedRunIds).size).toBe(postedRunIds.length);
  expect(runs.filter((run) => run.run_type === "llm")).toHaveLength(3 + 2 * 4);
});

test("reviews find the runs of responses with default model calls", async () => {
  const tracing = await openTracing({ env: stubTracingEnv(), onWarning: () => {} });
  const settings = Settings.parse({ model: "offline", turns: 2 });
  await runTracedConversation(tracing, { id: "default calls", callModel: createModelCaller(), settings });
  await tracing.close();
  const runs = server.getRuns().filter((run) => run.extra.metadata.thread_id === "default calls");
  const responseRun = runs.find((run) => run.name === "candidate turn 1");
  const feedback = server.getFeedback().filter((entry) => entry.run_id === responseRun?.id);
  expect(feedback).toHaveLength(3 * 6);
  const reviews = runs.filter((run) => run.name.startsWith("review: ")).map((run) => run.id);
  expect(new Set(feedback.map((entry) => entry.feedback_source.metadata.__run?.run_id))).toEqual(new Set(reviews));
});

test("hidden inputs and outputs are not sent, nor are critiques, but labels and scores are", async () => {
  const id = "hidden";
  const env = stubTracingEnv({ LANGSMITH_HIDE_INPUTS: "true", LANGSMITH_HIDE_OUTPUTS: "true" });
  const tracing = await openTracing({ env, onWarning: () => {} });
  const countBefore = server.requests.length;
  await runTracedConversation(tracing, { id, callModel: createScriptedCaller(eventfulScript), settings: createScriptedSettings({ quorum: 2 }) });
  await tracing.close();
  const sent = JSON.stringify(server.requests.slice(countBefore));
  for (const text of [`seed of ${id}`, "Why is the sky blue?", "Answer 1.", "No mechanism is named.", "finds nothing missing"])
    expect(sent).not.toContain(text);
  const runs = server.getRuns().filter((run) => run.extra.metadata.thread_id === id);
  expect(runs.some((run) => run.tags.includes("verdict:negative"))).toBe(true);
  const runIds = new Set(runs.map((run) => run.id));
  expect(server.getFeedback().filter((entry) => runIds.has(entry.run_id) && entry.key === "depth")).toHaveLength(2 + 3);
});

test("the trace of a host graph contains the conversation, and feedback goes to its runs", async () => {
  const env = stubTracingEnv();
  const tracing = await openTracing({ env, onWarning: () => {} });
  const settings = createScriptedSettings({ turns: 2 });
  const graph = createReviewInstructGraph({ callModel: createScriptedCaller() });
  const host = new StateGraph(MessagesAnnotation)
    .addNode("interview", async (state, config) => {
      const { messages } = await graph.invoke({ messages: state.messages }, { ...config, context: settings });
      return { messages };
    })
    .addEdge(START, "interview")
    .addEdge("interview", END)
    .compile();
  const config = tracing.getRunConfig({ id: "host", seedTitle: "a host graph", settings, fingerprint: "x" });
  await host.invoke({ messages: [{ role: "user", content: "Why?" }] }, { ...config, configurable: { thread_id: "host" } });
  await tracing.close();
  const runs = server.getRuns().filter((run) => run.extra.metadata.conversation === "host");
  const root = runs.find((run) => run.name === "a host graph");
  const conversation = runs.find((run) => run.name === "review_instruct");
  const responseRun = runs.find((run) => run.name === "candidate turn 1");
  expect(conversation?.trace_id).toBe(root?.id);
  const feedback = server.getFeedback().filter((entry) => entry.trace_id === root?.id);
  expect(feedback.filter((entry) => entry.run_id === responseRun?.id)).toHaveLength(3 * 6);
  expect(feedback.filter((entry) => entry.run_id === conversation?.id).map((entry) => entry.key)).toEqual(["panel_score", "panel_verdict"]);
});
