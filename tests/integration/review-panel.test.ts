import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { InputError } from "../../src/errors.js";
import { createReviewPanel } from "../../src/graph/review-panel.js";
import { parseQuotes } from "../../src/text/quote-untrusted.js";
import type { SettingsInput } from "../../src/state/settings.js";
import { createPanel, createThread, createUnavailableError } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText, formatReview, createScriptedModels } from "../support/scripted-models.js";

const question = new HumanMessage("How do I bake bread?");
const answer = new AIMessage("With patience.");
const settings: SettingsInput = { panel: createPanel("a", "b", "c") };

function createPanelUnderTest(script?: Script, panelSettings: SettingsInput | undefined = settings) {
  const scripted = createScriptedModels(script);
  return { ...scripted, panel: createReviewPanel({ callModel: scripted.callModel, settings: panelSettings }) };
}

/** Reviews a conversation and returns the quotes in the reviewers' prompts, as `label: text`. */
async function getQuotes(...messages: BaseMessage[]): Promise<string[]> {
  const { panel, requests } = createPanelUnderTest(undefined, { panel: createPanel("a") });
  await panel.invoke({ messages });
  return requests.flatMap((request) => parseQuotes(getPromptText(request)).map(({ label, text }) => `${label}: ${text}`));
}

describe("the output of the panel", () => {
  it("the panel returns a review of the last answer per reviewer, and the majority verdict", async () => {
    const { panel, requests } = createPanelUnderTest(({ reviewer }) => ({
      text: formatReview(reviewer === "b" ? "positive" : "negative", `${reviewer} misses the oven.`),
    }));
    const output = await panel.invoke({ messages: [question, answer] });
    expect(Object.keys(output).sort()).toEqual(["abstentions", "reviews", "verdict"]);
    expect(output.verdict).toBe("negative");
    expect(output.abstentions).toEqual([]);
    expect(output.reviews.map(({ reviewer, verdict, critique }) => [reviewer, verdict, critique])).toEqual([
      ["a", "negative", "a misses the oven."],
      ["b", "positive", "b misses the oven."],
      ["c", "negative", "c misses the oven."],
    ]);
    expect(requests.map(({ role }) => role)).toEqual(["reviewer", "reviewer", "reviewer"]);
  });

  it("the panel names the reviewers that abstained, and why", async () => {
    const { panel } = createPanelUnderTest((request, call) => {
      if (request.reviewer === "b") throw createUnavailableError("b");
      return defaultScript(request, call);
    });
    const { reviews, abstentions, verdict } = await panel.invoke({ messages: [question, answer] });
    expect(reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "c"]);
    expect(abstentions).toEqual([{ reviewer: "b", code: "model_unavailable", reason: "the endpoint of b is down", attempts: 3 }]);
    expect(verdict).toBe("positive");
  });

  it("the panel applies quorum and tie break", async () => {
    const disagree: Script = ({ reviewer }) => ({ text: formatReview(reviewer === "a" ? "positive" : "negative", "Hm, it is thin.") });
    const two = { panel: createPanel("a", "b") };
    const depth = await createPanelUnderTest(disagree, two).panel.invoke({ messages: [question, answer] });
    const breadth = await createPanelUnderTest(disagree, { ...two, tieBreak: "breadth" }).panel.invoke({ messages: [question, answer] });
    expect([depth.verdict, breadth.verdict]).toEqual(["negative", "positive"]);
    const unavailable: Script = ({ reviewer }) => {
      throw createUnavailableError(reviewer ?? "");
    };
    await expect(createPanelUnderTest(unavailable).panel.invoke({ messages: [question, answer] })).rejects.toMatchObject({
      code: "quorum_not_met",
      details: { reviews: 0, quorum: 2 },
    });
  });
});

describe("the messages that the panel reviews", () => {
  const call = { name: "search", args: { q: "bread" }, id: "1" };

  it("reviewers get the instruction, the answer, and the earlier messages", async () => {
    expect(await getQuotes(new SystemMessage("Be brief."), new HumanMessage("Hello"), new AIMessage("Hi."), question, answer)).toEqual([
      "system: Be brief.",
      "user: Hello",
      "assistant: Hi.",
      "instruction: How do I bake bread?",
      "answer: With patience.",
    ]);
  });

  it.each<[string, BaseMessage[]]>([
    ["tool messages and tool calls", [question, new AIMessage({ content: "", tool_calls: [call] }), new ToolMessage("flour", "1"), answer]],
    ["a tool call with text", [question, new AIMessage({ content: "Let me look.", tool_calls: [call] }), new ToolMessage("flour", "1"), answer]],
    ["a tool call after the answer", [question, answer, new AIMessage({ content: "Over.", tool_calls: [call] }), new ToolMessage("done", "1")]],
    ["an earlier draft", [question, new AIMessage("With a shovel."), answer]],
    ["an empty message", [question, new AIMessage(""), answer, new AIMessage(" ")]],
  ])("reviewers do not get %s", async (_, messages) => {
    expect(await getQuotes(...messages)).toEqual(["instruction: How do I bake bread?", "answer: With patience."]);
  });

  it("reviewers get a system message that follows the question", async () => {
    expect(await getQuotes(question, new SystemMessage("No yeast."), answer)).toEqual([
      "system: No yeast.",
      "instruction: How do I bake bread?",
      "answer: With patience.",
    ]);
  });

  it("the panel reads content blocks, and messages given as plain objects", async () => {
    const blocks = new AIMessage({ content: [{ type: "text", text: "With patience." }] });
    expect(await getQuotes(question, blocks)).toContain("answer: With patience.");
    const { panel, requests } = createPanelUnderTest();
    const plain: never[] = JSON.parse('[{"role":"user","content":"Why?"},{"role":"assistant","content":"Because."}]');
    await panel.invoke({ messages: plain });
    expect(getPromptText(requests[0] ?? expect.fail())).toContain("Because.");
  });

  it.each<[string, BaseMessage[]]>([
    ["empty", []],
    ["a question alone", [question]],
    ["an answer alone", [answer]],
    ["ended by a newer question", [question, answer, new HumanMessage("And cake?")]],
    ["ended by an unfinished tool call", [question, new AIMessage({ content: "", tool_calls: [call] }), new ToolMessage("flour", "1")]],
  ])("a conversation that is %s is rejected before any call", async (_, messages) => {
    const { panel, startedCalls } = createPanelUnderTest();
    const result = panel.invoke({ messages });
    await expect(result).rejects.toThrow(InputError);
    await expect(result).rejects.toThrow("must end with the assistant's answer");
    expect(startedCalls).toEqual([]);
  });

  it("the error for a rejected conversation is streamed as an event", async () => {
    const events: unknown[] = [];
    const consume = async () => {
      for await (const event of await createPanelUnderTest().panel.stream({ messages: [question] }, { streamMode: "custom" })) events.push(event);
    };
    await expect(consume()).rejects.toThrow(InputError);
    expect(events).toEqual([expect.objectContaining({ type: "error", code: "invalid_input", details: { field: "messages" } })]);
  });
});

describe("settings of the panel", () => {
  const run = async (panelSettings: SettingsInput | undefined, context?: SettingsInput) => {
    const { callModel, startedCalls } = createScriptedModels();
    const panel = createReviewPanel({ callModel, settings: panelSettings });
    await panel.invoke({ messages: [question, answer] }, { ...createThread(context) });
    return startedCalls;
  };

  it("the panel reads the run's context, with defaults, when it has no settings of its own", async () => {
    expect(await run(undefined)).toEqual(["accuracy 1", "depth 1", "usefulness 1"]);
    expect(await run(undefined, { panel: createPanel("x") })).toEqual(["x 1"]);
  });

  it("fixed settings take precedence over the run's context", async () => {
    expect(await run(settings, { panel: createPanel("x") })).toEqual(["a 1", "b 1", "c 1"]);
  });

  it.each([
    ["one_review", ["a 1"]],
    ["no_review", ["a 1", "b 1", "c 1"]],
    ["single_turn", ["a 1", "b 1", "c 1"]],
  ] as const)("a panel with mode %s always reviews", async (mode, startedCalls) => {
    expect(await run({ ...settings, mode })).toEqual(startedCalls);
  });

  it("invalid settings and unknown custom reviewers are rejected when the panel is created", () => {
    const { callModel } = createScriptedModels();
    expect(() => createReviewPanel({ callModel, settings: { panel: [{ name: "a", focus: "" }] } })).toThrow(
      /settings of the review panel.*panel\[0\]\.focus/s,
    );
    const spellChecker = () => ({ code: "none", reason: "none" });
    expect(() => createReviewPanel({ callModel, settings, customReviewers: { speling: spellChecker } })).toThrow(
      /names no reviewer speling.*\(a, b, c\)/,
    );
  });
});

describe("the panel on its own thread", () => {
  it("a second run on a thread reviews only the newest answer and returns no earlier review", async () => {
    const { panel, startedCalls } = createPanelUnderTest();
    const thread = createThread();
    await panel.invoke({ messages: [question, answer] }, thread);
    const longer = [question, answer, new HumanMessage("And cake?"), new AIMessage("With sugar.")];
    const { reviews } = await panel.invoke({ messages: longer }, thread);
    expect(reviews).toHaveLength(3);
    expect(startedCalls).toEqual(["a 1", "b 1", "c 1", "a 2", "b 2", "c 2"]);
  });
});

describe("the drawing of the panel", () => {
  it("the drawing shows the reviewers, the aggregation and the retry edge", async () => {
    const drawing = (await createPanelUnderTest().panel.getGraphAsync({ xray: true })).drawMermaid({ withStyles: false });
    for (const part of ["reviewer", "aggregate_reviews", "retry missing reviewers"]) expect(drawing).toContain(part);
  });
});
