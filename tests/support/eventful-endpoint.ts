import { expect } from "vitest";

import type { LangSmithServer } from "./langsmith-server.js";
import type { ChatResponse, FailedResponse, ServerRequest } from "./openai-server.js";

/** Handler whose first response fails and whose usefulness reviewer gives no review in turn 1: one retry, one abstention. */
export function respondWithFailures({ role, index, body }: ServerRequest): ChatResponse | FailedResponse | undefined {
  if (index === 0) return { status: 500, body: { error: { message: "out of order" } } };
  const text = JSON.stringify(body.messages);
  const abstains = role === "reviewer" && text.includes("Usefulness and creativity:") && !text.includes("Earlier in the conversation:");
  return abstains ? { content: "I would rather not put this into JSON." } : undefined;
}

/** Expects the complete trace of such a conversation, with three turns and the default panel. */
export async function expectTraceWithFailures(langsmith: LangSmithServer, thread: string): Promise<void> {
  const all = () => langsmith.getRuns().filter((run) => run.extra.metadata.thread_id === thread);
  const calls = () => all().filter((run) => run.run_type === "llm");
  // Two reviews of turn 1 and three of turn 2, each with five scores and a verdict; both panels on the root.
  await langsmith.waitUntil(
    () => calls().length >= 14 && all().every((run) => run.end_time !== undefined) && langsmith.getFeedback().length >= 5 * 6,
  );

  const getCalls = (name: string) => calls().filter((run) => run.name === name);
  for (const turn of [1, 2]) {
    for (const name of [`review: accuracy turn ${turn}`, `review: depth turn ${turn}`, `chairman turn ${turn}`])
      expect(getCalls(name), name).toHaveLength(1);
  }
  expect(getCalls("candidate turn 1").map((run) => Boolean(run.error))).toEqual([true, false]);
  expect(getCalls("review: usefulness turn 1")).toHaveLength(3);
  expect(getCalls("review: usefulness turn 2")).toHaveLength(1);
  for (const run of calls()) expect(run.extra.metadata).toMatchObject({ role: expect.any(String), turn: expect.any(Number) });
  const answer = getCalls("candidate turn 1")[1];
  const sources = langsmith.getFeedback().filter((rating) => rating.run_id === answer?.id);
  expect(sources).toHaveLength(2 * 6);
  expect(new Set(all().map((run) => run.trace_id)).size).toBe(1);
}
