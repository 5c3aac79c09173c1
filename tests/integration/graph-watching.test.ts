import { getConfigTypeSchema, getInputTypeSchema, getOutputTypeSchema, getStateTypeSchema } from "@langchain/langgraph/zod/schema";
import { describe, expect, it } from "vitest";

import type { ConversationEvent } from "../../src/nodes/events.js";
import { Settings, type SettingsInput } from "../../src/state/settings.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, formatReview } from "../support/scripted-models.js";

async function collectEvents(context: SettingsInput, script?: Script): Promise<ConversationEvent[]> {
  const events: ConversationEvent[] = [];
  const { graph } = createGraphUnderTest(script);
  for await (const event of await graph.stream({ instruction: "Why is the sky blue?" }, { ...createThread(context), streamMode: "custom" })) {
    events.push(event);
  }
  return events;
}

describe("custom events of a run", () => {
  it("events arrive in order, each with its full content", async () => {
    const script: Script = (request, call) => {
      if (request.role === "candidate") return { text: `Answer ${call.turn}.` };
      if (request.role === "reviewer")
        return { text: formatReview(request.reviewer === "a" ? "positive" : "negative", `${request.reviewer} on ${call.turn}.`) };
      return { text: JSON.stringify({ instruction: `Question ${call.turn + 1}?` }) };
    };
    const events = await collectEvents({ turns: 2, panel: createPanel("a", "b") }, script);
    const [instruction, response, first, second, ...rest] = events;
    expect([instruction, response]).toEqual([
      { type: "instruction", turn: 1, evolution: "seed", instruction: "Why is the sky blue?" },
      { type: "response", turn: 1, response: "Answer 1." },
    ]);
    expect([first, second]).toEqual([
      expect.objectContaining({ type: "review", turn: 1, reviewer: "a", verdict: "positive", critique: "a on 1." }),
      expect.objectContaining({ type: "review", turn: 1, reviewer: "b", verdict: "negative", critique: "b on 1." }),
    ]);
    expect(rest).toEqual([
      { type: "verdict", turn: 1, verdict: "negative", positive: 1, negative: 1 },
      { type: "instruction", turn: 2, evolution: "depth", instruction: "Question 2?" },
      { type: "response", turn: 2, response: "Answer 2." },
    ]);
  });

  it("abstentions and early stops are events", async () => {
    const script: Script = (request, call) => {
      if (request.reviewer === "c") return { finishReason: "refusal" };
      return request.role === "chairman" ? { finishReason: "refusal" } : defaultScript(request, call);
    };
    const events = await collectEvents({ turns: 2, panel: createPanel("a", "b", "c") }, script);
    expect(events).toContainEqual(expect.objectContaining({ type: "abstention", turn: 1, reviewer: "c", code: "response_refused" }));
    expect(events.at(-1)).toMatchObject({ type: "early_stop", turn: 1, reason: "no_valid_instruction" });
  });
});

describe("the drawing of the graph", () => {
  it("the drawing shows every node and labels every conditional edge", async () => {
    const drawing = (await createGraphUnderTest().graph.getGraphAsync()).drawMermaid();
    const edges = [...drawing.matchAll(/^\s*(\w+) (?:-->|-\. &nbsp;(.+?)&nbsp; \.->) (\w+);$/gm)].map(([, from, label, to]) =>
      label === undefined ? `${from} -> ${to}` : `${from} -> ${to}: ${label}`,
    );
    expect(edges.sort()).toEqual(
      [
        "__start__ -> start_conversation",
        "start_conversation -> candidate",
        "candidate -> reviewer: review",
        "candidate -> chairman: no review",
        "candidate -> __end__: done",
        "reviewer -> aggregate_reviews",
        "aggregate_reviews -> chairman: positive",
        "aggregate_reviews -> chairman: negative",
        "aggregate_reviews -> reviewer: retry missing reviewers",
        "aggregate_reviews -> __end__: done",
        "chairman -> candidate: next turn",
        "chairman -> human_review: human review",
        "chairman -> __end__: no instruction",
        "human_review -> candidate: next turn",
        "human_review -> __end__: stopped",
      ].sort(),
    );
  });
});

describe("the JSON schemas for Studio's forms", () => {
  const { graph } = createGraphUnderTest();

  it("the input schema has seed fields and messages, and requires none", () => {
    const schema = getInputTypeSchema(graph);
    expect(schema).toMatchObject({
      properties: { messages: { langgraph_type: "messages" }, instruction: { title: "Instruction" }, input: { title: "Input" }, system: {} },
    });
    expect(schema).not.toHaveProperty("required");
  });

  it("the output and state schemas have messages and turns", () => {
    expect(getOutputTypeSchema(graph)).toMatchObject({ properties: { messages: {}, turns: { type: "array" }, earlyStop: {} } });
    expect(getStateTypeSchema(graph)).toMatchObject({ properties: { messages: { langgraph_type: "messages" }, turns: { type: "array" } } });
  });

  it("the context schema has every setting with title and default", () => {
    const schema = getConfigTypeSchema(graph);
    expect(schema).toMatchObject({ properties: Object.fromEntries(Object.keys(Settings.shape).map((name) => [name, {}])) });
    expect(schema).toMatchObject({ properties: { turns: { title: "Turns", default: 3, minimum: 1 }, panel: { type: "array", title: "Panel" } } });
  });
});
