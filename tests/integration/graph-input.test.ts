import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { InputError } from "../../src/errors.js";
import { toConversationMessages, getTurnsWithMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread } from "../support/graph-under-test.js";
import type { Script } from "../support/scripted-models.js";

const answerInOrder: Script = ({ role }, { index }) => ({ text: role === "candidate" ? `A${index}` : `What of side ${index}?` });
const short = { mode: "no_review", turns: 2 } as const;
const single = { mode: "single_turn" } as const;

function formatMessages(output: Parameters<typeof getTurnsWithMessages>[0]) {
  return toConversationMessages(output.messages).map(({ role, content }) => `${role}: ${content}`);
}

describe("the seed of a conversation", () => {
  it("the input of a seed becomes part of the first instruction", async () => {
    const { graph, requests } = createGraphUnderTest(answerInOrder);
    const output = await graph.invoke({ instruction: "Sort these.", input: "pear\napple $&" }, createThread(single));
    expect(formatMessages(output)).toEqual(["user: Sort these.\n\npear\napple $&", "assistant: A1"]);
    expect(requests[0]?.messages.at(-1)?.text).toBe("Sort these.\n\npear\napple $&");
  });

  it("the system prompt of a seed is the first message in every turn, once", async () => {
    const { graph, requests } = createGraphUnderTest(answerInOrder);
    const output = await graph.invoke({ instruction: "Hi.", system: "Be brief." }, createThread(short));
    expect(formatMessages(output)).toEqual(["system: Be brief.", "user: Hi.", "assistant: A1", "user: What of side 2?", "assistant: A3"]);
    for (const request of requests.filter(({ role }) => role === "candidate")) {
      expect(request.messages.filter((message) => message.getType() === "system")).toHaveLength(1);
      expect(request.messages[0]?.text.startsWith("Be brief.\n\n")).toBe(true);
    }
  });

  it("a conversation that ends with a user message can be the seed", async () => {
    const { graph } = createGraphUnderTest(answerInOrder);
    const messages = [new SystemMessage("Be brief."), new HumanMessage("Hi."), new AIMessage("Hello."), new HumanMessage("Why?")];
    const output = await graph.invoke({ messages }, createThread(short));
    expect(formatMessages(output)).toEqual([
      "system: Be brief.",
      "user: Hi.",
      "assistant: Hello.",
      "user: Why?",
      "assistant: A1",
      "user: What of side 2?",
      "assistant: A3",
    ]);
    expect(getTurnsWithMessages(output).map(({ instruction, response, evolution }) => [instruction, response, evolution])).toEqual([
      ["Why?", "A1", "seed"],
      ["What of side 2?", "A3", "follow_up"],
    ]);
  });

  it("an instruction can follow a given conversation", async () => {
    const { graph } = createGraphUnderTest(answerInOrder);
    const messages = [new HumanMessage("Hi."), new AIMessage("Hello.")];
    expect(formatMessages(await graph.invoke({ messages, instruction: "Why?", system: "Be brief." }, createThread(single)))).toEqual([
      "system: Be brief.",
      "user: Hi.",
      "assistant: Hello.",
      "user: Why?",
      "assistant: A1",
    ]);
  });
});

describe("a thread with a second run", () => {
  it("a new user message on a thread starts a new count of turns", async () => {
    const { graph } = createGraphUnderTest(answerInOrder);
    const thread = createThread(short);
    await graph.invoke({ messages: [new HumanMessage("Hi.")] }, thread);
    const output = await graph.invoke({ messages: [new HumanMessage("Something else.")] }, thread);
    expect(output.turns.map(({ turn, evolution }) => [turn, evolution])).toEqual([
      [1, "seed"],
      [2, "follow_up"],
      [3, "seed"],
      [4, "follow_up"],
    ]);
    expect(getTurnsWithMessages(output).map(({ instruction }) => instruction)).toEqual([
      "Hi.",
      "What of side 2?",
      "Something else.",
      "What of side 5?",
    ]);
  });

  it("a thread accepts a new instruction with the same system prompt", async () => {
    const { graph } = createGraphUnderTest(answerInOrder);
    const thread = createThread(single);
    await graph.invoke({ instruction: "Hi.", system: "Be brief." }, thread);
    const output = await graph.invoke({ instruction: "And now?", system: "Be brief." }, thread);
    expect(formatMessages(output)).toEqual(["system: Be brief.", "user: Hi.", "assistant: A1", "user: And now?", "assistant: A2"]);
  });

  it("every turn keeps its own texts when foreign messages are added between two turns", async () => {
    const { graph } = createGraphUnderTest(answerInOrder);
    const thread = createThread(single);
    await graph.invoke({ instruction: "Hi." }, thread);
    const messages = [new HumanMessage("Elsewhere?"), new AIMessage("Written elsewhere."), new HumanMessage("And here?")];
    const output = await graph.invoke({ messages }, thread);
    expect(getTurnsWithMessages(output).map(({ instruction, response }) => [instruction, response])).toEqual([
      ["Hi.", "A1"],
      ["And here?", "A2"],
    ]);
  });

  it("a new run after an early stop clears the reason", async () => {
    const { graph } = createGraphUnderTest(({ role }) => ({ text: role === "candidate" ? "A" : "Hi." }));
    const thread = createThread(short);
    expect((await graph.invoke({ instruction: "Hi." }, thread)).earlyStop).not.toBeNull();
    expect((await graph.invoke({ instruction: "Ho." }, { ...thread, context: createThread(single).context })).earlyStop).toBeNull();
  });
});

describe("an input without instruction", () => {
  it.each([
    ["no field", {}],
    ["a blank instruction", { instruction: " \n" }],
    ["a conversation that ends with an answer", { messages: [new HumanMessage("Hi."), new AIMessage("Hello.")] }],
    ["a blank message", { messages: [new HumanMessage("  ")] }],
    ["an input without an instruction", { input: "pear" }],
    ["two instructions", { instruction: "Hi.", messages: [new HumanMessage("Ho.")] }],
    ["two system prompts", { instruction: "Hi.", system: "A", messages: [new SystemMessage("B")] }],
  ])("an input is rejected before any call when it has %s", async (_, input) => {
    const { graph, startedCalls } = createGraphUnderTest(answerInOrder);
    await expect(graph.invoke(input, createThread(single))).rejects.toThrow(InputError);
    expect(startedCalls).toEqual([]);
  });

  it("a rejected input does not affect the next input of its thread", async () => {
    const { graph } = createGraphUnderTest(answerInOrder);
    const thread = createThread(single);
    await expect(graph.invoke({ input: "pear" }, thread)).rejects.toThrow(InputError);
    await expect(graph.invoke({ system: "Be brief." }, thread)).rejects.toThrow(InputError);
    expect(formatMessages(await graph.invoke({ instruction: "Hi." }, thread))).toEqual(["user: Hi.", "assistant: A1"]);
  });
});

describe("invalid settings", () => {
  it.each([
    ["turns", { turns: 0 }],
    ["panel", { panel: [] }],
    [
      "unique",
      {
        panel: [
          { name: "a", focus: "x" },
          { name: "a", focus: "y" },
        ],
      },
    ],
    ["language", { language: "" }],
  ])("invalid settings are rejected before any call, and named: %s", async (name, settings) => {
    const { graph, startedCalls } = createGraphUnderTest(answerInOrder);
    await expect(graph.invoke({ instruction: "Hi." }, createThread(settings))).rejects.toThrow(name);
    expect(startedCalls).toEqual([]);
  });
});
