import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { InputError } from "../../src/errors.js";
import { createReviewPanel } from "../../src/graph/review-panel.js";
import { parseQuotes } from "../../src/model-calls/quote-untrusted.js";
import type { SettingsInput } from "../../src/state/settings.js";
import { createThread, createPanel, createUnavailableError } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText, formatReview, createScriptedModels } from "../support/scripted-models.js";

const question = new HumanMessage("How do I bake bread?");
const answer = new AIMessage("With patience.");
const settings: SettingsInput = { panel: createPanel("a", "b", "c") };

function panelUnderTest(script?: Script, fixed: SettingsInput | undefined = settings) {
  const scripted = createScriptedModels(script);
  return { ...scripted, panel: createReviewPanel({ callModel: scripted.callModel, settings: fixed }) };
}

/** What reviewers are shown of a conversation, as `label: text`. */
async function shown(...messages: BaseMessage[]): Promise<string[]> {
  const { panel, requests } = panelUnderTest(undefined, { panel: createPanel("a") });
  await panel.invoke({ messages });
  return requests.flatMap((request) => parseQuotes(getPromptText(request)).map(({ label, text }) => `${label}: ${text}`));
}

describe("what the panel gives", () => {
  it("is each review of the last answer, and the verdict of the majority", async () => {
    const { panel, requests } = panelUnderTest(({ reviewer }) => ({
      text: formatReview(reviewer === "b" ? "positive" : "negative", `${reviewer} misses the oven.`),
    }));
    const outcome = await panel.invoke({ messages: [question, answer] });
    expect(Object.keys(outcome).sort()).toEqual(["abstentions", "reviews", "verdict"]);
    expect(outcome.verdict).toBe("negative");
    expect(outcome.abstentions).toEqual([]);
    expect(outcome.reviews.map(({ reviewer, verdict, critique }) => [reviewer, verdict, critique])).toEqual([
      ["a", "negative", "a misses the oven."],
      ["b", "positive", "b misses the oven."],
      ["c", "negative", "c misses the oven."],
    ]);
    expect(requests.map(({ role }) => role)).toEqual(["reviewer", "reviewer", "reviewer"]);
  });

  it("names who abstained, and why", async () => {
    const { panel } = panelUnderTest((request, call) => {
      if (request.reviewer === "b") throw createUnavailableError("b");
      return defaultScript(request, call);
    });
    const { reviews, abstentions, verdict } = await panel.invoke({ messages: [question, answer] });
    expect(reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "c"]);
    expect(abstentions).toEqual([{ reviewer: "b", code: "model_unavailable", reason: "the endpoint of b is down", attempts: 3 }]);
    expect(verdict).toBe("positive");
  });

  it("follows quorum and tie break", async () => {
    const divided: Script = ({ reviewer }) => ({ text: formatReview(reviewer === "a" ? "positive" : "negative", "So I say.") });
    const two = { panel: createPanel("a", "b") };
    const depth = await panelUnderTest(divided, two).panel.invoke({ messages: [question, answer] });
    const breadth = await panelUnderTest(divided, { ...two, tieBreak: "breadth" }).panel.invoke({ messages: [question, answer] });
    expect([depth.verdict, breadth.verdict]).toEqual(["negative", "positive"]);
    const down: Script = ({ reviewer }) => {
      throw createUnavailableError(reviewer ?? "");
    };
    await expect(panelUnderTest(down).panel.invoke({ messages: [question, answer] })).rejects.toMatchObject({
      code: "quorum_not_met",
      details: { reviews: 0, quorum: 2 },
    });
  });
});

describe("what reviewers see of someone else's conversation", () => {
  const call = { name: "search", args: { q: "bread" }, id: "1" };

  it("is the instruction, the answer, and what came before", async () => {
    expect(await shown(new SystemMessage("Be brief."), new HumanMessage("Hello"), new AIMessage("Hi."), question, answer)).toEqual([
      "system: Be brief.",
      "user: Hello",
      "assistant: Hi.",
      "instruction: How do I bake bread?",
      "answer: With patience.",
    ]);
  });

  it.each<[string, BaseMessage[]]>([
    ["tools and their calls", [question, new AIMessage({ content: "", tool_calls: [call] }), new ToolMessage("flour", "1"), answer]],
    ["a call with words to it", [question, new AIMessage({ content: "Let me look.", tool_calls: [call] }), new ToolMessage("flour", "1"), answer]],
    ["a handing over after the answer", [question, answer, new AIMessage({ content: "Over.", tool_calls: [call] }), new ToolMessage("done", "1")]],
    ["an earlier draft", [question, new AIMessage("With a shovel."), answer]],
    ["an empty message", [question, new AIMessage(""), answer, new AIMessage(" ")]],
  ])("leaves out %s", async (_, messages) => {
    expect(await shown(...messages)).toEqual(["instruction: How do I bake bread?", "answer: With patience."]);
  });

  it("keeps a rule that was laid down after the question", async () => {
    expect(await shown(question, new SystemMessage("No yeast."), answer)).toEqual([
      "system: No yeast.",
      "instruction: How do I bake bread?",
      "answer: With patience.",
    ]);
  });

  it("is the text of content blocks and of messages as plain objects", async () => {
    const blocks = new AIMessage({ content: [{ type: "text", text: "With patience." }] });
    expect(await shown(question, blocks)).toContain("answer: With patience.");
    const { panel, requests } = panelUnderTest();
    const plain: never[] = JSON.parse('[{"role":"user","content":"Why?"},{"role":"assistant","content":"Because."}]');
    await panel.invoke({ messages: plain });
    expect(getPromptText(requests[0] ?? expect.fail())).toContain("Because.");
  });

  it.each<[string, BaseMessage[]]>([
    ["nothing", []],
    ["a question alone", [question]],
    ["an answer to nobody", [answer]],
    ["a newer question", [question, answer, new HumanMessage("And cake?")]],
    ["a call that is not completedCalls yet", [question, new AIMessage({ content: "", tool_calls: [call] }), new ToolMessage("flour", "1")]],
  ])("is refused where it is %s, before anybody is asked", async (_, messages) => {
    const { panel, startedCalls } = panelUnderTest();
    const refused = panel.invoke({ messages });
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow("must end with the assistant's answer");
    expect(startedCalls).toEqual([]);
  });

  it("tells those who stream why it refuses", async () => {
    const events: unknown[] = [];
    const watch = async () => {
      for await (const event of await panelUnderTest().panel.stream({ messages: [question] }, { streamMode: "custom" })) events.push(event);
    };
    await expect(watch()).rejects.toThrow(InputError);
    expect(events).toEqual([expect.objectContaining({ type: "error", code: "invalid_input", details: { field: "messages" } })]);
  });
});

describe("settings of a panel", () => {
  const run = async (fixed: SettingsInput | undefined, context?: SettingsInput) => {
    const { callModel, startedCalls } = createScriptedModels();
    const panel = createReviewPanel({ callModel, settings: fixed });
    await panel.invoke({ messages: [question, answer] }, { ...newThread(context) });
    return startedCalls;
  };

  it("come from the run's context, with every default", async () => {
    expect(await run(undefined)).toEqual(["accuracy 1", "depth 1", "usefulness 1"]);
    expect(await run(undefined, { panel: createPanel("x") })).toEqual(["x 1"]);
  });

  it("that were fixed stay, whatever the context says", async () => {
    expect(await run(settings, { panel: createPanel("x") })).toEqual(["a 1", "b 1", "c 1"]);
  });

  it.each([
    ["one_review", ["a 1"]],
    ["no_review", ["a 1", "b 1", "c 1"]],
    ["single_turn", ["a 1", "b 1", "c 1"]],
  ] as const)("of mode %s seat someone in any case", async (mode, startedCalls) => {
    expect(await run({ ...settings, mode })).toEqual(startedCalls);
  });

  it("that cannot be are refused when the panel is made, with the field", () => {
    const { callModel } = createScriptedModels();
    expect(() => createReviewPanel({ callModel, settings: { panel: [{ name: "a", focus: "" }] } })).toThrow(
      /settings of the review panel.*panel\[0\]\.focus/s,
    );
    const spellChecker = () => ({ code: "none", reason: "none" });
    expect(() => createReviewPanel({ callModel, settings, customReviewers: { speling: spellChecker } })).toThrow(/no seat.*\(a, b, c\): speling/);
  });
});

describe("on a thread of its own", () => {
  it("reviews the newest answer of a conversation that goes on, with no earlier review in it", async () => {
    const { panel, startedCalls } = panelUnderTest();
    const thread = createThread();
    await panel.invoke({ messages: [question, answer] }, thread);
    const more = [question, answer, new HumanMessage("And cake?"), new AIMessage("With sugar.")];
    const { reviews } = await panel.invoke({ messages: more }, thread);
    expect(reviews).toHaveLength(3);
    expect(startedCalls).toEqual(["a 1", "b 1", "c 1", "a 2", "b 2", "c 2"]);
  });
});

describe("the panel as it is drawn", () => {
  it("shows reviewer, verdict and the way back within it", async () => {
    const drawing = (await panelUnderTest().panel.getGraphAsync({ xray: true })).drawMermaid({ withStyles: false });
    for (const part of ["reviewer", "verdict", "call back"]) expect(drawing).toContain(part);
  });
});
