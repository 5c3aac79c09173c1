import { describe, expect, it } from "vitest";

import { InvalidResponseError } from "../../src/errors.js";
import type { ModelResponse } from "../../src/model-calls/model-call.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };

/** A chairman that says one thing after the other, then stays with the last. */
function chairmanSaying(...replies: Partial<ModelResponse>[]): Script {
  return (request, call) => (request.role === "chairman" ? (replies[call.roleCallIndex] ?? replies.at(-1) ?? {}) : defaultScript(request, call));
}

function asking(instruction: string): Partial<ModelResponse> {
  return { text: JSON.stringify({ instruction }) };
}

async function run(script: Script) {
  const bench = createGraphUnderTest(script);
  const output = await bench.graph.invoke(seed, createThread({ turns: 3, mode: "one_review" }));
  return { ...bench, output, chairman: bench.requests.filter(({ role }) => role === "chairman") };
}

describe("a conversation ends early, valid as it is, when the chairman twice", () => {
  it.each<[string, Partial<ModelResponse>, RegExp]>([
    ["repeats an instruction", asking("how do I bake bread"), /repeats an earlier one/],
    ["says nothing", { text: "" }, /empty/],
    ["asks nothing", asking("  "), /empty/],
    ["leaks a tag", asking("<ask>What flour?</ask>"), /"<ask>"/],
    ["speaks of the reviewers", asking("The reviewers miss the temperature. What is it?"), /"reviewers"/],
    ["sends something else", { text: '{"question": "What flour?"}' }, /instruction: /],
    ["is cut off", { text: '{"instruction": "What', finishReason: "length" }, /cut off at the output limit/],
  ])("%s", async (_, reply, reason) => {
    const { output, chairman } = await run(chairmanSaying(reply));
    expect(chairman).toHaveLength(2);
    expect(output.earlyStop).toMatchObject({ reason: "no_valid_instruction", message: expect.stringMatching(reason) });
    expect(toConversationMessages(output.messages).map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(output.turns).toHaveLength(1);
    expect(output.turns[0]?.calls.map(({ role }) => role)).toEqual(["candidate", "reviewer", "chairman", "chairman"]);
  });
});

describe("the chairman's one more chance", () => {
  it("comes with what was wrong, and saves the conversation", async () => {
    const { output, chairman } = await run(chairmanSaying(asking("How do I bake bread?"), asking("What flour?"), asking("What salt?")));
    expect(output.earlyStop).toBeNull();
    expect(output.turns).toHaveLength(3);
    const [first, second] = chairman;
    if (!first || !second) throw new Error("the chairman was asked once");
    expect(second.messages.slice(0, 2)).toEqual(first.messages);
    expect(second.messages.slice(2).map((message) => [message.getType(), message.text])).toEqual([
      ["ai", JSON.stringify({ instruction: "How do I bake bread?" })],
      ["human", expect.stringContaining("repeats an earlier one")],
    ]);
  });

  it("repeats the bare request after an empty reply", async () => {
    const { chairman } = await run(chairmanSaying({ text: " \n" }, asking("What flour?"), asking("What salt?")));
    expect(chairman[1]?.messages).toEqual(chairman[0]?.messages);
  });

  it("is not given after a refusal", async () => {
    const { output, chairman } = await run(chairmanSaying({ finishReason: "refusal" }));
    expect(chairman).toHaveLength(1);
    expect(output.earlyStop?.message).toMatch(/refused/);
  });

  it("is not needed for plain text", async () => {
    const { output, chairman } = await run(chairmanSaying({ text: "What flour?" }, { text: "What salt?" }));
    expect(chairman).toHaveLength(2);
    expect(toConversationMessages(output.messages).flatMap(({ role, content }) => (role === "user" ? [content] : []))).toEqual([
      seed.instruction,
      "What flour?",
      "What salt?",
    ]);
  });
});

describe("a candidate that gives no usable answer", () => {
  const candidateSaying = (...replies: Partial<ModelResponse>[]): Script => {
    return (request, call) => (request.role === "candidate" ? (replies[call.roleCallIndex] ?? replies.at(-1) ?? {}) : defaultScript(request, call));
  };

  it.each<[string, Partial<ModelResponse>, number]>([
    ["response_empty", { text: "" }, 3],
    ["response_truncated", { text: "Half an", finishReason: "length" }, 3],
    ["response_refused", { text: "", finishReason: "refusal" }, 1],
  ])("fails the run with %s after as many tries as make sense", async (code, reply, tries) => {
    const { graph, requests } = createGraphUnderTest(candidateSaying(reply));
    const failure = graph.invoke(seed, createThread());
    await expect(failure).rejects.toThrow(InvalidResponseError);
    await expect(failure).rejects.toMatchObject({ code, details: { role: "candidate", attempts: tries, rawText: reply.text } });
    expect(requests).toHaveLength(tries);
  });

  it("may mend its ways: what was cut off does not enter the conversation", async () => {
    const { graph, requests } = createGraphUnderTest(candidateSaying({ text: "Half an", finishReason: "length" }, { text: "" }, { text: "Whole." }));
    const output = await graph.invoke(seed, createThread({ mode: "single_turn" }));
    expect(toConversationMessages(output.messages).at(-1)?.content).toBe("Whole.");
    expect(output.messages).toHaveLength(2);
    expect(output.turns[0]?.calls).toHaveLength(3);
    expect(requests[1]?.messages.at(-1)?.text).toMatch(/cut off/);
    for (const request of requests) expect(getPromptText(request)).toContain(seed.instruction);
  });
});
