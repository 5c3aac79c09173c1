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

/** Turn 1: usefulness never gives a review. Turn 2: the candidate's first attempt fails, and depth finds fault. */
const eventful: ChatScript = (model, call) => {
  if (model === "candidate" && call === 2) return createUpstreamError();
  if (model === "usefulness" && call <= 3) return "I would rather not put this into JSON.";
  if (model === "depth" && call === 2) return formatReview("negative", "No mechanism is named.");
  return defaultChat(model, call);
};

/** Sets the variables for LangChain too, so that whatever it sends of its own accord would arrive here as well. */
function useTracing(more: Record<string, string> = {}) {
  const env = createTracingEnv(server.url, more);
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return env;
}

async function traced(id: string, script: ChatScript): Promise<{ runs: ReceivedRun[]; root: ReceivedRun }> {
  const env = useTracing({ LANGSMITH_PROJECT: "tests" });
  const warnings: string[] = [];
  const tracing = await openTracing({ env, experiment: "bold", onWarning: (text) => warnings.push(text) });
  await runTracedConversation(tracing, { id, models: createScriptedCaller(script), settings: createScriptedSettings({ quorum: 2 }) });
  expect(await tracing.close()).toEqual({ dropped: 0 });
  expect(warnings).toEqual([]);
  const runs = server.getRuns().filter((run) => run.extra.metadata.thread_id === id);
  const roots = runs.filter((run) => !run.parent_run_id);
  expect(roots).toHaveLength(1);
  const [root] = roots;
  if (!root) throw new Error("there is no root");
  return { runs, root };
}

describe("the trace of a conversation with a retried call and an abstention", () => {
  let runs: ReceivedRun[];
  let root: ReceivedRun;
  const models = () => runs.filter((run) => run.run_type === "llm");
  beforeAll(async () => {
    ({ runs, root } = await traced("eventful", eventful));
  });

  test("is one tree below a root named by its seed, in the project asked for", () => {
    expect(root.name).toBe("seed of eventful");
    expect(new Set(runs.map((run) => run.trace_id))).toEqual(new Set([root.id]));
    const ids = new Set(runs.map((run) => run.id));
    for (const run of runs) if (run !== root) expect(ids).toContain(run.parent_run_id);
    expect(new Set(runs.map((run) => run.session_name))).toEqual(new Set(["tests"]));
    for (const run of runs) expect(run.end_time, run.name).toBeDefined();
  });

  test("shows every call by role and turn, each attempt on its own", () => {
    expect(models().map((run) => run.name)).toEqual([
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
    const [failed, completedCalls] = models().filter((run) => run.name === "candidate turn 2");
    expect(failed?.error).toContain("the model is overloaded");
    expect(failed?.extra.metadata.attempt).toBe(1);
    expect(completedCalls?.error ?? null).toBeNull();
    expect(completedCalls?.extra.metadata).toMatchObject({ attempt: 2, attempt_reason: "retry" });
    expect(completedCalls?.tags).toEqual(expect.arrayContaining(["attempt:2", "retry"]));
  });

  test("shows an abstention where it happened, after the asks that led to it", () => {
    const asked = models().filter((run) => run.name === "review: usefulness turn 1");
    expect(asked.map((run) => run.extra.metadata.attempt_reason)).toEqual([undefined, "re-ask", "re-ask"]);
    expect(asked.map((run) => run.tags.includes("abstained"))).toEqual([false, false, true]);
    expect(asked[2]?.extra.metadata.abstained).toBe("response_invalid");
    const node = runs.find((run) => run.id === asked[2]?.parent_run_id);
    expect(node?.name).toBe("reviewer");
    expect(node?.tags).toEqual(expect.arrayContaining(["abstained", "abstained:response_invalid", "reviewer:usefulness", "turn:1"]));
  });

  test("can be searched for negative reviews by the depth reviewer in turn 2", () => {
    const wanted = ["reviewer:depth", "turn:2", "verdict:negative"];
    const found = models().filter((run) => wanted.every((tag) => run.tags.includes(tag)));
    expect(found.map((run) => run.name)).toEqual(["review: depth turn 2"]);
    expect(found[0]?.extra.metadata).toMatchObject({ reviewer: "depth", turn: 2, verdict: "negative", scores: { depth: 3 } });
    expect(JSON.stringify(found[0]?.outputs)).toContain("No mechanism is named.");
  });

  test("carries what to filter by on every run", () => {
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
    const chairman = models().find((run) => run.name === "chairman turn 2");
    expect(chairman?.extra.metadata).toMatchObject({ role: "chairman", turn: 2, evolution: "breadth", model: "openai:chairman", attempt: 1 });
    expect(chairman?.extra.metadata.prompt).toMatch(/^chairman\//);
    expect(chairman?.tags).toEqual(expect.arrayContaining(["role:chairman", "turn:2", "evolution:breadth", "model:openai:chairman"]));
  });

  test("counts tokens on every call that was completedCalls, and holds what was said", () => {
    for (const run of models().filter((model) => !model.error)) {
      expect(run.extra.metadata.usage_metadata, run.name).toMatchObject({ input_tokens: expect.any(Number), output_tokens: expect.any(Number) });
    }
    const answer = models().find((run) => run.name === "candidate turn 1");
    expect(JSON.stringify(answer?.inputs)).toContain("Why is the sky blue?");
    expect(JSON.stringify(answer?.outputs)).toContain("Answer 1.");
  });

  test("takes nothing from the environment along", () => {
    for (const run of runs) expect(Object.keys(run.extra.metadata).filter((name) => /^LANG(?:SMITH|CHAIN)_/.test(name))).toEqual([]);
  });

  test("rates each answer by each review, with the critique and the review's run", () => {
    const answer = models().findLast((run) => run.name === "candidate turn 2");
    const review = models().find((run) => run.name === "review: depth turn 2");
    const ratings = server.getFeedback().filter((item) => item.run_id === answer?.id);
    expect(ratings).toHaveLength(3 * 6);
    const byDepth = ratings.filter((item) => item.feedback_source.metadata.reviewer === "depth");
    expect(Object.fromEntries(byDepth.map(({ key, score }) => [key, score]))).toEqual({
      usefulness: 3,
      relevance: 3,
      accuracy: 3,
      depth: 3,
      creativity: 3,
      verdict: 0,
    });
    for (const item of byDepth) {
      expect(item.comment).toBe("No mechanism is named.");
      expect(item.feedback_source).toMatchObject({ type: "model", metadata: { __run: { run_id: review?.id }, turn: 2 } });
      expect(item.trace_id).toBe(root.id);
      expect(item.session_id).toMatch(/^[0-9a-f-]{36}$/);
    }
    const firstAnswer = models().find((run) => run.name === "candidate turn 1");
    const reviewers = server.getFeedback().filter((item) => item.run_id === firstAnswer?.id && item.key === "verdict");
    expect(reviewers.map((item) => item.feedback_source.metadata.reviewer)).toEqual(["accuracy", "depth"]);
  });

  test("rates the conversation by the panel's mean and verdict of every reviewed turn", () => {
    const ratings = server.getFeedback().filter((item) => item.run_id === root.id);
    const summary = ratings.map(({ key, score, value, feedback_source }) => [feedback_source.metadata.turn, key, score, value ?? null]);
    // They arrive in any order.
    expect(summary.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual([
      [1, "panel_score", 8, null],
      [1, "panel_verdict", 1, "positive"],
      [2, "panel_score", Number(((8 + 8 + 3) / 3).toFixed(4)), null],
      [2, "panel_verdict", 1, "positive"],
    ]);
  });
});

test("every run is sent once, although LangChain would send them of its own accord as well", async () => {
  const { runs } = await traced("once", defaultChat);
  const parts = server.requests.flatMap(({ fields }) => Object.keys(fields)).filter((name) => /^post\.[0-9a-f-]{36}$/.test(name));
  expect(new Set(parts).size).toBe(parts.length);
  expect(runs.filter((run) => run.run_type === "llm")).toHaveLength(3 + 2 * 4);
});

test("model access as it comes needs no option for reviews to find the answers", async () => {
  const tracing = await openTracing({ env: useTracing(), onWarning: () => {} });
  const settings = Settings.parse({ model: "offline", turns: 2 });
  await runTracedConversation(tracing, { id: "as it comes", models: createModelCaller(), settings });
  await tracing.close();
  const runs = server.getRuns().filter((run) => run.extra.metadata.thread_id === "as it comes");
  const answer = runs.find((run) => run.name === "candidate turn 1");
  const ratings = server.getFeedback().filter((item) => item.run_id === answer?.id);
  expect(ratings).toHaveLength(3 * 6);
  const reviews = runs.filter((run) => run.name.startsWith("review: ")).map((run) => run.id);
  expect(new Set(ratings.map((item) => item.feedback_source.metadata.__run?.run_id))).toEqual(new Set(reviews));
});

test("inputs and outputs stay here when asked to, and so do critiques; labels and scores do not", async () => {
  const id = "hidden";
  const env = useTracing({ LANGSMITH_HIDE_INPUTS: "true", LANGSMITH_HIDE_OUTPUTS: "true" });
  const tracing = await openTracing({ env, onWarning: () => {} });
  const before = server.requests.length;
  await runTracedConversation(tracing, { id, models: createScriptedCaller(eventful), settings: createScriptedSettings({ quorum: 2 }) });
  await tracing.close();
  const sent = JSON.stringify(server.requests.slice(before));
  for (const text of [`seed of ${id}`, "Why is the sky blue?", "Answer 1.", "No mechanism is named.", "finds nothing missing"])
    expect(sent).not.toContain(text);
  const runs = server.getRuns().filter((run) => run.extra.metadata.thread_id === id);
  expect(runs.some((run) => run.tags.includes("verdict:negative"))).toBe(true);
  const answers = new Set(runs.map((run) => run.id));
  expect(server.getFeedback().filter((item) => answers.has(item.run_id) && item.key === "depth")).toHaveLength(2 + 3);
});

test("a host graph's trace holds the conversation, and feedback finds its runs there", async () => {
  const { END, START, StateGraph, MessagesAnnotation } = await import("@langchain/langgraph");
  const env = useTracing();
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
  const config = tracing.getRunConfig({ id: "host", seedTitle: "a host", settings, fingerprint: "x" });
  await host.invoke({ messages: [{ role: "user", content: "Why?" }] }, { ...config, configurable: { thread_id: "host" } });
  await tracing.close();
  const runs = server.getRuns().filter((run) => run.extra.metadata.conversation === "host");
  const root = runs.find((run) => run.name === "a host");
  const conversation = runs.find((run) => run.name === "review_instruct");
  const answer = runs.find((run) => run.name === "candidate turn 1");
  expect(conversation?.trace_id).toBe(root?.id);
  const feedback = server.getFeedback().filter((item) => item.trace_id === root?.id);
  expect(feedback.filter((item) => item.run_id === answer?.id)).toHaveLength(3 * 6);
  expect(feedback.filter((item) => item.run_id === conversation?.id).map((item) => item.key)).toEqual(["panel_score", "panel_verdict"]);
});
