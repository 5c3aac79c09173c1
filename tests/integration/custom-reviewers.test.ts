import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";

import { InputError } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createReviewPanel } from "../../src/graph/review-panel.js";
import type { ReviewInput, CustomReviewers, ReviewResult } from "../../src/nodes/custom-reviewer.js";
import type { NodeRuntime } from "../../src/nodes/runtime.js";
import type { SettingsInput } from "../../src/state/settings.js";
import { createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, createScriptedModels } from "../support/scripted-models.js";

const messages = [new HumanMessage("Hello"), new AIMessage("Hi."), new HumanMessage("How do I bake bread?"), new AIMessage("With patience.")];
const settings: SettingsInput = { panel: createPanel("a", "words") };

const scores = { usefulness: 2, relevance: 2, accuracy: 2, depth: 2, creativity: 2 };
const tooLong: ReviewResult = { scores, verdict: "negative", critique: "Ten words too many." };

function panelUnderTest(reviewers: CustomReviewers, script: Script = defaultScript, fixed = settings) {
  const scripted = createScriptedModels(script);
  return {
    ...scripted,
    panel: createReviewPanel({ callModel: scripted.callModel, settings: fixed, customReviewers: reviewers, checkpointer: new MemorySaver() }),
  };
}

describe("a custom reviewer", () => {
  it("takes its seat in place of a model, and its word counts as any other's", async () => {
    const { panel, startedCalls } = panelUnderTest({ words: () => tooLong });
    const events: unknown[] = [];
    const thread = createThread();
    for await (const event of await panel.stream({ messages }, { ...thread, streamMode: "custom" })) events.push(event);
    const { values } = await panel.getState(thread);
    expect(startedCalls).toEqual(["a 2"]);
    expect(values.reviews).toMatchObject([
      { reviewer: "a", verdict: "positive" },
      { reviewer: "words", ...tooLong },
    ]);
    expect(values.verdict).toBe("negative");
    expect(events).toContainEqual({ type: "review", turn: 2, reviewer: "words", ...tooLong });
    expect(events).toContainEqual({ type: "verdict", turn: 2, verdict: "negative", positive: 1, negative: 1 });
  });

  it("sees instruction, answer, conversation, its seat, the settings and the signal", async () => {
    const seen: [ReviewInput, NodeRuntime][] = [];
    const { panel } = panelUnderTest({
      words: async (answer, runtime) => {
        seen.push([answer, runtime]);
        return tooLong;
      },
    });
    await panel.invoke({ messages }, { ...newThread(), signal: new AbortController().signal });
    const [answer, runtime] = seen[0] ?? expect.fail();
    expect(answer).toMatchObject({
      instruction: "How do I bake bread?",
      answer: "With patience.",
      dialogue: messages.map((message) => ({ content: message.text })),
      reviewer: { name: "words", focus: "What words cares about" },
      settings: { wordLimit: 300 },
    });
    expect(runtime.signal).toBeInstanceOf(AbortSignal);
  });

  it("may stand aside, with code and reason on record", async () => {
    const { panel } = panelUnderTest({ words: () => ({ code: "service_down", reason: "the word counter is off" }) }, defaultScript, {
      ...settings,
      quorum: 1,
    });
    const { abstentions, verdict } = await panel.invoke({ messages }, createThread());
    expect(abstentions).toEqual([{ reviewer: "words", code: "service_down", reason: "the word counter is off" }]);
    expect(verdict).toBe("positive");
  });

  it("that throws ends the run, and is asked again alone", async () => {
    let calls = 0;
    const { panel, completedCalls } = panelUnderTest({
      words: () => {
        if (++calls === 1) throw new Error("no dictionary");
        return tooLong;
      },
    });
    const thread = createThread();
    await expect(panel.invoke({ messages }, thread)).rejects.toThrow("no dictionary");
    const { reviews } = await panel.invoke(null, thread);
    expect(reviews).toHaveLength(2);
    expect([calls, completedCalls]).toEqual([2, ["a 2"]]);
  });

  it.each<[string, object, string]>([
    ["a score out of range", { ...tooLong, scores: { ...scores, depth: 11 } }, "scores.depth"],
    ["no critique", { ...tooLong, critique: "" }, "critique"],
    ["nothing of the kind", {}, "Invalid input"],
  ])("that returns %s is named", async (_, word, said) => {
    const broken: ReviewResult = JSON.parse(JSON.stringify(word));
    const failure = panelUnderTest({ words: () => broken }).panel.invoke({ messages }, createThread());
    await expect(failure).rejects.toThrow(InputError);
    await expect(failure).rejects.toThrow(/custom reviewer "words"/);
    await expect(failure).rejects.toThrow(said);
  });

  it("is found by its own name alone: a reviewer called `constructor` is a model", async () => {
    const { panel, startedCalls } = panelUnderTest({ words: () => tooLong }, defaultScript, { panel: createPanel("constructor", "words") });
    await panel.invoke({ messages }, createThread());
    expect(startedCalls).toEqual(["constructor 2"]);
  });

  it("sits in the loop as well, and its critique reaches the chairman", async () => {
    const { callModel, requests } = createScriptedModels();
    const graph = createReviewInstructGraph({
      callModel,
      customReviewers: { words: ({ answer }) => ({ ...tooLong, critique: `Too long: ${answer}` }) },
    });
    const { turns } = await graph.invoke({ instruction: "How do I bake bread?" }, createThread({ ...settings, turns: 2 }));
    expect(turns[0]?.reviews.map(({ reviewer, critique }) => [reviewer, critique])).toContainEqual(["words", "Too long: Answer number 1."]);
    expect(requests.find(({ role }) => role === "chairman")?.messages.at(-1)?.text).toContain("Too long: Answer number 1.");
  });

  it("is not asked where the panel has no such seat", async () => {
    const { callModel, startedCalls } = createScriptedModels();
    const graph = createReviewInstructGraph({ callModel, customReviewers: { words: () => tooLong } });
    await graph.invoke({ instruction: "How do I bake bread?" }, createThread({ turns: 2, panel: createPanel("a") }));
    expect(startedCalls).toEqual(["candidate 1", "a 1", "chairman 1", "candidate 2"]);
  });
});
