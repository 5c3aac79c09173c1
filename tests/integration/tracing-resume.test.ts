import { MemorySaver } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test } from "vitest";

import { QuorumError } from "../../src/errors.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { type ChatScript, createScriptedCaller, defaultChat, createScriptedSettings } from "../support/scripted-chat.js";
import { createTracingEnv, runTracedConversation } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeAll(async () => {
  server = await startLangSmithServer();
});
afterAll(() => server.close());

test("after a resume, reviews score the response in the earlier trace, and both traces are one thread", async () => {
  const settings = createScriptedSettings({ turns: 2, quorum: 3 });
  const saver = new MemorySaver();
  // The depth reviewer's first three responses are invalid, so the quorum is not met and the run fails.
  const script: ChatScript = (model, call) => (model === "depth" && call <= 3 ? "no JSON" : defaultChat(model, call));
  const callModel = createScriptedCaller(script);
  const id = "resumed";

  const firstTracing = await openTracing({ env: createTracingEnv(server.url), onWarning: () => {} });
  await expect(runTracedConversation(firstTracing, { id, settings, callModel, saver })).rejects.toThrow(QuorumError);
  await firstTracing.close();
  expect(server.getFeedback()).toEqual([]);

  // As in another process: only the checkpoint is left.
  const secondTracing = await openTracing({ env: createTracingEnv(server.url), onWarning: () => {} });
  await runTracedConversation(secondTracing, { id, settings, callModel, saver, resume: true });
  await secondTracing.close();

  const runs = server.getRuns();
  const roots = runs.filter((run) => !run.parent_run_id);
  expect(roots.map((run) => [run.name, run.extra.metadata.thread_id])).toEqual([
    ["seed of resumed", "resumed"],
    ["seed of resumed", "resumed"],
  ]);
  expect(roots[0]?.error).toContain("2 of the 3 reviews");
  const candidateRun = runs.find((run) => run.name === "candidate turn 1");
  expect(candidateRun?.trace_id).toBe(roots[0]?.id);
  const feedback = server.getFeedback().filter((entry) => entry.run_id === candidateRun?.id);
  expect(feedback).toHaveLength(3 * 6);
  // The earlier trace is unknown to the second process, so LangSmith finds the run by its project.
  expect(new Set(feedback.map((entry) => entry.trace_id))).toEqual(new Set([undefined]));
  expect(feedback.every((entry) => entry.session_id !== undefined)).toBe(true);
  const findSourceRun = (reviewer: string) => {
    const entry = feedback.find(({ feedback_source: source }) => source.metadata.reviewer === reviewer);
    return runs.find((run) => run.id === entry?.feedback_source.metadata.__run?.run_id);
  };
  expect(findSourceRun("accuracy")).toMatchObject({ name: "review: accuracy turn 1", trace_id: roots[0]?.id });
  expect(findSourceRun("depth")).toMatchObject({ name: "review: depth turn 1", trace_id: roots[1]?.id });
  const panelFeedback = server.getFeedback().filter((entry) => entry.key === "panel_verdict");
  expect(panelFeedback.map((entry) => [entry.run_id, entry.feedback_source.metadata.turn])).toEqual([[roots[1]?.id, 1]]);
});

test("the sample has the same conversations each time, and a larger sample contains a smaller one", async () => {
  const getSampledIds = async (sample: number) => {
    const tracing = await openTracing({ env: createTracingEnv(server.url), sample, onWarning: () => {} });
    const settings = createScriptedSettings();
    const ids = Array.from({ length: 400 }, (_, index) => `conversation ${index}`);
    const sampledIds = ids.filter((id) => {
      const { callbacks } = tracing.getRunConfig({ id, seedTitle: id, settings, fingerprint: "x" });
      return Array.isArray(callbacks) && callbacks.some((handler) => "name" in handler && handler.name === "review_feedback");
    });
    await tracing.close();
    return sampledIds;
  };
  const quarter = await getSampledIds(0.25);
  expect(quarter.length).toBeGreaterThan(60);
  expect(quarter.length).toBeLessThan(140);
  expect(await getSampledIds(0.25)).toEqual(quarter);
  expect(await getSampledIds(0.5)).toEqual(expect.arrayContaining(quarter));
  expect(await getSampledIds(1)).toHaveLength(400);
  expect(await getSampledIds(0)).toEqual([]);
});
