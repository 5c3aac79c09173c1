import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";

import { InputError } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createReviewPanel } from "../../src/graph/review-panel.js";
import type { CustomReviewers, ReviewInput, ReviewResult } from "../../src/nodes/custom-reviewer.js";
import type { NodeRuntime } from "../../src/nodes/runtime.js";
import type { SettingsInput } from "../../src/state/settings.js";
import { createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, createScriptedModels } from "../support/scripted-models.js";

const messages = [new HumanMessage("Hello"), new AIMessage("Hi."), new HumanMessage("How do I bake bread?"), new AIMessage("With patience.")];
const settings: SettingsInput = { panel: createPanel("a", "words") };

const scores = { usefulness: 2, relevance: 2, accuracy: 2, depth: 2, creativity: 2 };
const tooLong: ReviewResult = { scores, verdict: "negative", critique: "Ten words too many." };

function createPanelUnderTest(customReviewers: CustomReviewers, script: Script = defaultScript, panelSettings = settings) {
  const scripted = createScriptedModels(script);
  return {
    ...scripted,
    panel: createReviewPanel({ callModel: scripted.callModel, settings: panelSettings, customReviewers, checkpointer: new MemorySaver() }),
  };
}

describe("custom reviewers", () => {
  it("a custom reviewer replaces the panel member of its name, and its review counts like any other", async () => {
    const { panel, startedCalls } = createPanelUnderTest({ words: () => tooLong });
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

  it("a custom reviewer gets instruction, response, messages, its panel entry, the settings and the signal", async () => {
    const calls: [ReviewInput, NodeRuntime][] = [];
    const { panel } = createPanelUnderTest({
      words: async (input, runtime) => {
        calls.push([input, runtime]);
        return tooLong;
      },
    });
    await panel.invoke({ messages }, { ...createThread(), signal: new AbortController().signal });
    const [input, runtime] = calls[0] ?? expect.fail();
    expect(input).toMatchObject({
      instruction: "How do I bake bread?",
      response: "With patience.",
      messages: messages.map((message) => ({ content: message.text })),
      reviewer: { name: "words", focus: "What words cares about" },
      settings: { wordLimit: 300 },
    });
    expect(runtime.signal).toBeInstanceOf(AbortSignal);
  });

  it("a custom reviewer can abstain with code and reason", async () => {
    const { panel } = createPanelUnderTest({ words: () => ({ code: "service_down", reason: "the word counter is off" }) }, defaultScript, {
      ...settings,
      quorum: 1,
    });
    const { abstentions, verdict } = await panel.invoke({ messages }, createThread());
    expect(abstentions).toEqual([{ reviewer: "words", code: "service_down", reason: "the word counter is off" }]);
    expect(verdict).toBe("positive");
  });

  it("a custom reviewer that throws fails the run, and a resume calls it alone", async () => {
    let calls = 0;
    const { panel, completedCalls } = createPanelUnderTest({
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
    ["an empty object", {}, "Invalid input"],
  ])("a custom reviewer that returns %s is named in the error", async (_, result, message) => {
    const invalid: ReviewResult = JSON.parse(JSON.stringify(result));
    const failure = createPanelUnderTest({ words: () => invalid }).panel.invoke({ messages }, createThread());
    await expect(failure).rejects.toThrow(InputError);
    await expect(failure).rejects.toThrow(/custom reviewer "words"/);
    await expect(failure).rejects.toThrow(message);
  });

  it("a reviewer named `constructor` is a model unless a custom reviewer has that name", async () => {
    const { panel, startedCalls } = createPanelUnderTest({ words: () => tooLong }, defaultScript, { panel: createPanel("constructor", "words") });
    await panel.invoke({ messages }, createThread());
    expect(startedCalls).toEqual(["constructor 2"]);
  });

  it("a custom reviewer works in the loop, and the chairman gets its critique", async () => {
    const { callModel, requests } = createScriptedModels();
    const graph = createReviewInstructGraph({
      callModel,
      customReviewers: { words: ({ response }) => ({ ...tooLong, critique: `Too long: ${response}` }) },
    });
    const { turns } = await graph.invoke({ instruction: "How do I bake bread?" }, createThread({ ...settings, turns: 2 }));
    expect(turns[0]?.reviews.map(({ reviewer, critique }) => [reviewer, critique])).toContainEqual(["words", "Too long: Answer number 1."]);
    expect(requests.find(({ role }) => role === "chairman")?.messages.at(-1)?.text).toContain("Too long: Answer number 1.");
  });

  it("a custom reviewer that the panel does not name is not called", async () => {
    const { callModel, startedCalls } = createScriptedModels();
    const graph = createReviewInstructGraph({ callModel, customReviewers: { words: () => tooLong } });
    await graph.invoke({ instruction: "How do I bake bread?" }, createThread({ turns: 2, panel: createPanel("a") }));
    expect(startedCalls).toEqual(["candidate 1", "a 1", "chairman 1", "candidate 2"]);
  });
});
