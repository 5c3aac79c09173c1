import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { getTurnsWithMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";

/** A finished conversation of three turns, and its checkpoint where the candidate was about to answer the given turn. */
async function finished(atTurn: number) {
  const bench = createGraphUnderTest();
  const thread = createThread({ turns: 3, panel: createPanel("a", "b") });
  const output = await bench.graph.invoke({ instruction: "How do I bake bread?" }, thread);
  for await (const snapshot of bench.graph.getStateHistory(thread)) {
    if (snapshot.next[0] === "candidate" && snapshot.values.turns.length === atTurn) return { ...bench, thread, output, snapshot };
  }
  throw new Error(`the history has no turn ${atTurn}`);
}

describe("a conversation taken up at an earlier point with another instruction", () => {
  it.each([1, 2, 3])("goes on from turn %i as if that had been asked, and pays for what comes after alone", async (turn) => {
    const { graph, thread, output, snapshot, startedCalls, requests } = await finished(turn);
    const asked = snapshot.values.messages.at(-1);
    if (!asked) throw new Error("nothing was asked yet");
    startedCalls.length = 0;
    const before = requests.length;
    const edited = new HumanMessage({ id: asked.id, content: "How do I bake cake?" });
    const fork = await graph.updateState(snapshot.config, { messages: [edited] });
    const forked = await graph.invoke(null, { ...fork, context: thread.context });

    const rounds = [1, 2].flatMap((round) => ["candidate", "a", "b", "chairman"].map((who) => `${who} ${round}`)).concat("candidate 3");
    expect(startedCalls).toEqual(rounds.slice(rounds.indexOf(`candidate ${turn}`)));
    expect(requests[before]?.messages.at(-1)?.text).toBe("How do I bake cake?");

    const [was, is] = [getTurnsWithMessages(output), getTurnsWithMessages(forked)];
    expect(is).toHaveLength(3);
    expect(is.slice(0, turn - 1)).toEqual(was.slice(0, turn - 1));
    expect(is[turn - 1]).toMatchObject({ instruction: "How do I bake cake?", evolution: was[turn - 1]?.evolution });
    expect(is[turn - 1]?.response).not.toBe(was[turn - 1]?.response);
    for (const { turn: number, reviews, calls } of is)
      expect([number, reviews.length, calls.length]).toEqual(number < 3 ? [number, 2, 4] : [3, 0, 1]);
  });

  it("leaves the conversation it came from as it was", async () => {
    const { graph, thread, output, snapshot } = await finished(2);
    const tip = (await graph.getState(thread)).config;
    const fork = await graph.updateState(snapshot.config, {
      messages: [new HumanMessage({ id: snapshot.values.messages.at(-1)?.id, content: "Cake?" })],
    });
    await graph.invoke(null, { ...fork, context: thread.context });
    const original = await graph.getState({ configurable: { ...thread.configurable, ...tip.configurable } });
    expect(getTurnsWithMessages(original.values)).toEqual(getTurnsWithMessages(output));
  });

  it("may be asked again unchanged", async () => {
    const { graph, thread, snapshot, startedCalls } = await finished(3);
    startedCalls.length = 0;
    const again = await graph.invoke(null, { ...snapshot.config, context: thread.context });
    expect(startedCalls).toEqual(["candidate 3"]);
    expect(getTurnsWithMessages(again)).toHaveLength(3);
  });
});
