import { Command } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";

import type { HumanDecision } from "../../src/nodes/human-review.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, formatReview } from "../support/scripted-models.js";

const script: Script = ({ role, reviewer }, { turn }) => {
  if (role === "candidate") return { text: `Answer ${turn}.` };
  return role === "reviewer" ? { text: formatReview("negative", `${reviewer} misses salt.`) } : { text: `What of salt in turn ${turn}?` };
};

/** Starts a run and returns it at its first interrupt. */
async function runToInterrupt() {
  const created = createGraphUnderTest(script);
  const thread = createThread({ turns: 2, humanReview: true, panel: createPanel("a", "b") });
  const output = await created.graph.invoke({ instruction: "How do I bake bread?" }, thread);
  /** Resumes with any value, as a client may send it. */
  const resume = (value: unknown) => created.graph.invoke(new Command({ resume: value }), thread);
  const decide = (decision: HumanDecision) => resume(decision);
  const getInterrupts = async () => (await created.graph.getState(thread)).tasks.flatMap(({ interrupts }) => interrupts.map(({ value }) => value));
  return { ...created, thread, output, resume, decide, getInterrupts };
}

const callsBeforeInterrupt = ["candidate 1", "a 1", "b 1", "chairman 1"];

function getInstructions(output: { messages: Parameters<typeof toConversationMessages>[0] }): string[] {
  return toConversationMessages(output.messages).flatMap(({ role, content }) => (role === "user" ? [content] : []));
}

describe("human review", () => {
  it("human review shows the next instruction with direction, verdict and critiques, and makes no call", async () => {
    const { getInterrupts, output, startedCalls } = await runToInterrupt();
    expect(await getInterrupts()).toEqual([
      expect.objectContaining({
        turn: 2,
        instruction: "What of salt in turn 1?",
        evolution: "depth",
        verdict: "negative",
        critiques: [
          { reviewer: "a", critique: "a misses salt." },
          { reviewer: "b", critique: "b misses salt." },
        ],
      }),
    ]);
    expect(getInstructions(output)).toEqual(["How do I bake bread?"]);
    expect(output.turns).toHaveLength(1);
    expect(startedCalls).toEqual(callsBeforeInterrupt);
  });

  it("an accepted instruction starts the next turn", async () => {
    const { decide, startedCalls, getInterrupts } = await runToInterrupt();
    const output = await decide({ action: "accept" });
    expect(getInstructions(output)).toEqual(["How do I bake bread?", "What of salt in turn 1?"]);
    expect(output.turns.map(({ evolution }) => evolution)).toEqual(["seed", "depth"]);
    expect(output.earlyStop).toBeNull();
    expect(startedCalls).toEqual([...callsBeforeInterrupt, "candidate 2"]);
    expect(await getInterrupts()).toEqual([]);
  });

  it("an edited instruction starts the next turn with the new text", async () => {
    const { decide, requests, startedCalls } = await runToInterrupt();
    const output = await decide({ action: "edit", instruction: "  And $& yeast?\n" });
    expect(getInstructions(output)).toEqual(["How do I bake bread?", "And $& yeast?"]);
    expect(requests.at(-1)?.messages.at(-1)?.text).toBe("And $& yeast?");
    expect(startedCalls).toEqual([...callsBeforeInterrupt, "candidate 2"]);
  });

  it.each([
    [undefined, /person ended/],
    ["Good enough.", /^Good enough\.$/],
  ])("ending a conversation in human review leaves it valid (message: %s)", async (message, recorded) => {
    const { decide, startedCalls, graph, thread } = await runToInterrupt();
    const output = await decide({ action: "end", ...(message === undefined ? {} : { message }) });
    expect(output.earlyStop).toEqual({ reason: "stopped_by_human", message: expect.stringMatching(recorded) });
    expect(output.turns).toHaveLength(1);
    expect(toConversationMessages(output.messages).map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(startedCalls).toEqual(callsBeforeInterrupt);
    expect((await graph.getState(thread)).next).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["an unknown action", { action: "dance" }],
    ["a plain string", "accept"],
    ["an edit with a blank instruction", { action: "edit", instruction: " " }],
    ["an edit without instruction", { action: "edit" }],
    ["an empty object", {}],
  ])("%s is rejected as a decision, and the run still waits", async (_, invalid) => {
    const { resume, decide, getInterrupts, startedCalls } = await runToInterrupt();
    await expect(resume(invalid)).rejects.toThrow(/action|instruction|object/);
    expect(await getInterrupts()).toHaveLength(1);
    await expect(resume(invalid)).rejects.toThrow();
    const output = await decide({ action: "accept" });
    expect(getInstructions(output)).toEqual(["How do I bake bread?", "What of salt in turn 1?"]);
    expect(startedCalls).toEqual([...callsBeforeInterrupt, "candidate 2"]);
  });

  it("an interrupted run can be resumed in another process", async () => {
    const { reopen, thread, startedCalls } = await runToInterrupt();
    const output = await reopen().invoke(new Command({ resume: { action: "accept" } }), thread);
    expect(output.turns).toHaveLength(2);
    expect(startedCalls).toEqual([...callsBeforeInterrupt, "candidate 2"]);
  });

  it("human review happens once per turn and not after the last answer", async () => {
    const { graph, startedCalls } = createGraphUnderTest(script);
    const thread = createThread({ turns: 3, humanReview: true, mode: "no_review" });
    await graph.invoke({ instruction: "How do I bake bread?" }, thread);
    await graph.invoke(new Command({ resume: { action: "accept" } }), thread);
    const output = await graph.invoke(new Command({ resume: { action: "edit", instruction: "And yeast?" } }), thread);
    expect(output.turns.map(({ evolution }) => evolution)).toEqual(["seed", "follow_up", "follow_up"]);
    expect(startedCalls).toEqual(["candidate 1", "chairman 1", "candidate 2", "chairman 2", "candidate 3"]);
    expect((await graph.getState(thread)).next).toEqual([]);
  });

  it("human review is skipped when the chairman gives no instruction", async () => {
    const { graph } = createGraphUnderTest((request, call) => (request.role === "chairman" ? { finishReason: "refusal" } : script(request, call)));
    const output = await graph.invoke({ instruction: "How do I bake bread?" }, createThread({ humanReview: true }));
    expect(output.earlyStop?.reason).toBe("no_valid_instruction");
  });
});
