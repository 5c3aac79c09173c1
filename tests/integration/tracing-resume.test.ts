import { MemorySaver } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test } from "vitest";

import { QuorumError } from "../../src/errors.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { type ChatScript, defaultChat, createScriptedCaller, createScriptedSettings } from "../support/scripted-chat.js";
import { runTracedConversation, createTracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeAll(async () => {
  server = await startLangSmithServer();
});
afterAll(() => server.close());

test("after a resume, reviews rate the answer in the trace that gave it, and both traces are one thread", async () => {
  const settings = createScriptedSettings({ turns: 2, quorum: 3 });
  const saver = new MemorySaver();
  // The depth reviewer's first three replies are of no use: the quorum is not met, and the run ends at the verdict.
  const script: ChatScript = (model, call) => (model === "depth" && call <= 3 ? "no JSON" : defaultChat(model, call));
  const models = createScriptedCaller(script);
  const id = "resumed";

  const first = await openTracing({ env: createTracingEnv(server.url), onWarning: () => {} });
  await expect(runTracedConversation(first, { id, settings, models, saver })).rejects.toThrow(QuorumError);
  await first.close();
  expect(server.getFeedback()).toEqual([]);

  // As in another process: nothing but the checkpoint is left.
  const second = await openTracing({ env: createTracingEnv(server.url), onWarning: () => {} });
  await runTracedConversation(second, { id, settings, models, saver, resume: true });
  await second.close();

  const runs = server.getRuns();
  const roots = runs.filter((run) => !run.parent_run_id);
  expect(roots.map((run) => [run.name, run.extra.metadata.thread_id])).toEqual([
    ["seed of resumed", "resumed"],
    ["seed of resumed", "resumed"],
  ]);
  expect(roots[0]?.error).toContain("2 of the 3 reviews");
  const answer = runs.find((run) => run.name === "candidate turn 1");
  expect(answer?.trace_id).toBe(roots[0]?.id);
  const ratings = server.getFeedback().filter((item) => item.run_id === answer?.id);
  expect(ratings).toHaveLength(3 * 6);
  // Its trace is over and not known here any more: LangSmith finds the run by its project.
  expect(new Set(ratings.map((item) => item.trace_id))).toEqual(new Set([undefined]));
  expect(ratings.every((item) => item.session_id !== undefined)).toBe(true);
  const source = (reviewer: string) =>
    ratings.find((item) => item.feedback_source.metadata.reviewer === reviewer)?.feedback_source.metadata.__run?.run_id;
  const formatName = (runId: string | undefined) => runs.find((run) => run.id === runId);
  expect(formatName(source("accuracy"))).toMatchObject({ name: "review: accuracy turn 1", trace_id: roots[0]?.id });
  expect(formatName(source("depth"))).toMatchObject({ name: "review: depth turn 1", trace_id: roots[1]?.id });
  const panel = server.getFeedback().filter((item) => item.key === "panel_verdict");
  expect(panel.map((item) => [item.run_id, item.feedback_source.metadata.turn])).toEqual([[roots[1]?.id, 1]]);
});

test("the sample holds whole conversations, the same ones over every resume", async () => {
  const sampledBy = async (share: number) => {
    const tracing = await openTracing({ env: createTracingEnv(server.url), sample: share, onWarning: () => {} });
    const settings = createScriptedSettings();
    const ids = Array.from({ length: 400 }, (_, index) => `conversation ${index}`);
    const sampled = ids.filter((id) => {
      const { callbacks } = tracing.getRunConfig({ id, seedTitle: id, settings, fingerprint: "x" });
      return Array.isArray(callbacks) && callbacks.some((handler) => "name" in handler && handler.name === "review_feedback");
    });
    await tracing.close();
    return sampled;
  };
  const quarter = await sampledBy(0.25);
  expect(quarter.length).toBeGreaterThan(60);
  expect(quarter.length).toBeLessThan(140);
  expect(await sampledBy(0.25)).toEqual(quarter);
  expect(await sampledBy(0.5)).toEqual(expect.arrayContaining(quarter));
  expect(await sampledBy(1)).toHaveLength(400);
  expect(await sampledBy(0)).toEqual([]);
});
