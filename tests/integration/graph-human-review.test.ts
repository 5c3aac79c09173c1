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

/** A run that waits for a person after its first answer. */
async function paused() {
  const bench = createGraphUnderTest(script);
  const thread = createThread({ turns: 2, humanReview: true, panel: createPanel("a", "b") });
  const output = await bench.graph.invoke({ instruction: "How do I bake bread?" }, thread);
  /** Answers the pause as a client would, with whatever it sends. */
  const say = (resume: unknown) => bench.graph.invoke(new Command({ resume }), thread);
  const decide = (decision: HumanDecision) => say(decision);
  const waiting = async () => (await bench.graph.getState(thread)).tasks.flatMap(({ interrupts }) => interrupts.map(({ value }) => value));
  return { ...bench, thread, output, say, decide, waiting };
}

const paidBeforePause = ["candidate 1", "a 1", "b 1", "chairman 1"];

function instructions(output: { messages: Parameters<typeof toConversationMessages>[0] }): string[] {
  return toConversationMessages(output.messages).flatMap(({ role, content }) => (role === "user" ? [content] : []));
}

describe("a pause for a person", () => {
  it("shows the instruction, where it leads and why, and makes no further call", async () => {
    const { waiting, output, startedCalls } = await paused();
    expect(await waiting()).toEqual([
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
    expect(instructions(output)).toEqual(["How do I bake bread?"]);
    expect(output.turns).toHaveLength(1);
    expect(startedCalls).toEqual(paidBeforePause);
  });

  it("goes on with the instruction when it is accepted", async () => {
    const { decide, startedCalls, waiting } = await paused();
    const output = await decide({ action: "accept" });
    expect(instructions(output)).toEqual(["How do I bake bread?", "What of salt in turn 1?"]);
    expect(output.turns.map(({ evolution }) => evolution)).toEqual(["seed", "depth"]);
    expect(output.earlyStop).toBeNull();
    expect(startedCalls).toEqual([...paidBeforePause, "candidate 2"]);
    expect(await waiting()).toEqual([]);
  });

  it("goes on with the person's own words when they edit it", async () => {
    const { decide, requests, startedCalls } = await paused();
    const output = await decide({ action: "edit", instruction: "  And $& yeast?\n" });
    expect(instructions(output)).toEqual(["How do I bake bread?", "And $& yeast?"]);
    expect(requests.at(-1)?.messages.at(-1)?.text).toBe("And $& yeast?");
    expect(startedCalls).toEqual([...paidBeforePause, "candidate 2"]);
  });

  it.each([
    [undefined, /person ended/],
    ["Good enough.", /^Good enough\.$/],
  ])("ends the conversation, valid as it is, when they end it (%s)", async (detail, recorded) => {
    const { decide, startedCalls, graph, thread } = await paused();
    const output = await decide({ action: "end", ...(detail === undefined ? {} : { detail }) });
    expect(output.earlyStop).toEqual({ reason: "stopped_by_human", message: expect.stringMatching(recorded) });
    expect(output.turns).toHaveLength(1);
    expect(toConversationMessages(output.messages).map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(startedCalls).toEqual(paidBeforePause);
    expect((await graph.getState(thread)).next).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["an unknown action", { action: "dance" }],
    ["bare words", "accept"],
    ["an edit without words", { action: "edit", instruction: " " }],
    ["an edit that forgot them", { action: "edit" }],
    ["nothing", {}],
  ])("does not take %s for a decision, and waits for another", async (_, nonsense) => {
    const { say, decide, waiting, startedCalls } = await paused();
    await expect(say(nonsense)).rejects.toThrow(/action|instruction|object/);
    expect(await waiting()).toHaveLength(1);
    await expect(say(nonsense)).rejects.toThrow();
    const output = await decide({ action: "accept" });
    expect(instructions(output)).toEqual(["How do I bake bread?", "What of salt in turn 1?"]);
    expect(startedCalls).toEqual([...paidBeforePause, "candidate 2"]);
  });

  it("outlives the process", async () => {
    const { reopen, thread, startedCalls } = await paused();
    const output = await reopen().invoke(new Command({ resume: { action: "accept" } }), thread);
    expect(output.turns).toHaveLength(2);
    expect(startedCalls).toEqual([...paidBeforePause, "candidate 2"]);
  });

  it("comes once a turn, and not after the last answer", async () => {
    const { graph, startedCalls } = createGraphUnderTest(script);
    const thread = createThread({ turns: 3, humanReview: true, mode: "no_review" });
    await graph.invoke({ instruction: "How do I bake bread?" }, thread);
    await graph.invoke(new Command({ resume: { action: "accept" } }), thread);
    const output = await graph.invoke(new Command({ resume: { action: "edit", instruction: "And yeast?" } }), thread);
    expect(output.turns.map(({ evolution }) => evolution)).toEqual(["seed", "follow_up", "follow_up"]);
    expect(startedCalls).toEqual(["candidate 1", "chairman 1", "candidate 2", "chairman 2", "candidate 3"]);
    expect((await graph.getState(thread)).next).toEqual([]);
  });

  it("is skipped where the chairman has no instruction to show", async () => {
    const { graph } = createGraphUnderTest((request, call) => (request.role === "chairman" ? { finishReason: "refusal" } : script(request, call)));
    const output = await graph.invoke({ instruction: "How do I bake bread?" }, createThread({ humanReview: true }));
    expect(output.earlyStop?.reason).toBe("no_valid_instruction");
  });
});
