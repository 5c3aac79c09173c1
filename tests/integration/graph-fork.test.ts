import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { getTurnsWithMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";

/** Runs a conversation of three turns and finds the checkpoint before the candidate answers the given turn. */
async function runToEnd(atTurn: number) {
  const created = createGraphUnderTest();
  const thread = createThread({ turns: 3, panel: createPanel("a", "b") });
  const output = await created.graph.invoke({ instruction: "How do I bake bread?" }, thread);
  for await (const snapshot of created.graph.getStateHistory(thread)) {
    if (snapshot.next[0] === "candidate" && snapshot.values.turns.length === atTurn) return { ...created, thread, output, snapshot };
  }
  throw new Error(`the history has no turn ${atTurn}`);
}

describe("a fork of a conversation", () => {
  it.each([1, 2, 3])("a fork with an edited instruction continues from turn %i and repeats only later calls", async (turn) => {
    const { graph, thread, output, snapshot, startedCalls, requests } = await runToEnd(turn);
    const instruction = snapshot.values.messages.at(-1);
    if (!instruction) throw new Error("the checkpoint has no instruction");
    startedCalls.length = 0;
    const earlierRequests = requests.length;
    const edited = new HumanMessage({ id: instruction.id, content: "How do I bake cake?" });
    const fork = await graph.updateState(snapshot.config, { messages: [edited] });
    const forked = await graph.invoke(null, { ...fork, context: thread.context });

    const allCalls = [1, 2].flatMap((number) => ["candidate", "a", "b", "chairman"].map((name) => `${name} ${number}`)).concat("candidate 3");
    expect(startedCalls).toEqual(allCalls.slice(allCalls.indexOf(`candidate ${turn}`)));
    expect(requests[earlierRequests]?.messages.at(-1)?.text).toBe("How do I bake cake?");

    const [before, after] = [getTurnsWithMessages(output), getTurnsWithMessages(forked)];
    expect(after).toHaveLength(3);
    expect(after.slice(0, turn - 1)).toEqual(before.slice(0, turn - 1));
    expect(after[turn - 1]).toMatchObject({ instruction: "How do I bake cake?", evolution: before[turn - 1]?.evolution });
    expect(after[turn - 1]?.response).not.toBe(before[turn - 1]?.response);
    for (const { turn: number, reviews, calls } of after)
      expect([number, reviews.length, calls.length]).toEqual(number < 3 ? [number, 2, 4] : [3, 0, 1]);
  });

  it("a fork does not change the original conversation", async () => {
    const { graph, thread, output, snapshot } = await runToEnd(2);
    const latest = (await graph.getState(thread)).config;
    const fork = await graph.updateState(snapshot.config, {
      messages: [new HumanMessage({ id: snapshot.values.messages.at(-1)?.id, content: "Cake?" })],
    });
    await graph.invoke(null, { ...fork, context: thread.context });
    const original = await graph.getState({ configurable: { ...thread.configurable, ...latest.configurable } });
    expect(getTurnsWithMessages(original.values)).toEqual(getTurnsWithMessages(output));
  });

  it("a checkpoint can be resumed without an edit", async () => {
    const { graph, thread, snapshot, startedCalls } = await runToEnd(3);
    startedCalls.length = 0;
    const repeated = await graph.invoke(null, { ...snapshot.config, context: thread.context });
    expect(startedCalls).toEqual(["candidate 3"]);
    expect(getTurnsWithMessages(repeated)).toHaveLength(3);
  });
});
