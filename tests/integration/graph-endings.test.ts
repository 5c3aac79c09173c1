import { describe, expect, it } from "vitest";

import { InvalidResponseError } from "../../src/errors.js";
import type { ModelResponse } from "../../src/model-calls/model-call.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };

/** The given role gives the responses one after the other, then repeats the last. */
function respondAs(role: string, ...responses: Partial<ModelResponse>[]): Script {
  return (request, call) => (request.role === role ? (responses[call.roleCallIndex] ?? responses.at(-1) ?? {}) : defaultScript(request, call));
}

function createResponse(instruction: string): Partial<ModelResponse> {
  return { text: JSON.stringify({ instruction }) };
}

async function run(script: Script) {
  const created = createGraphUnderTest(script);
  const output = await created.graph.invoke(seed, createThread({ turns: 3, mode: "one_review" }));
  return { ...created, output, chairman: created.requests.filter(({ role }) => role === "chairman") };
}

describe("an early stop by the chairman", () => {
  it.each<[string, Partial<ModelResponse>, RegExp]>([
    ["repeats an instruction", createResponse("how do I bake bread"), /repeats an earlier one/],
    ["is empty", { text: "" }, /empty/],
    ["is blank", createResponse("  "), /empty/],
    ["leaks a tag", createResponse("<ask>What flour?</ask>"), /"<ask>"/],
    ["mentions the reviewers", createResponse("The reviewers miss the temperature. What is it?"), /"reviewers"/],
    ["returns another key", { text: '{"question": "What flour?"}' }, /instruction: /],
    ["is cut off", { text: '{"instruction": "What', finishReason: "length" }, /cut off at the output limit/],
  ])("a conversation stops early, and stays valid, when the chairman's response twice %s", async (_, response, reason) => {
    const { output, chairman } = await run(respondAs("chairman", response));
    expect(chairman).toHaveLength(2);
    expect(output.earlyStop).toMatchObject({ reason: "no_valid_instruction", message: expect.stringMatching(reason) });
    expect(toConversationMessages(output.messages).map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(output.turns).toHaveLength(1);
    expect(output.turns[0]?.calls.map(({ group, caller }) => group || caller)).toEqual(["candidate", "reviewer", "chairman", "chairman"]);
  });
});

describe("the second attempt of the chairman", () => {
  it("the chairman is asked again with the problem named, and the conversation continues", async () => {
    const { output, chairman } = await run(
      respondAs("chairman", createResponse("How do I bake bread?"), createResponse("What flour?"), createResponse("What salt?")),
    );
    expect(output.earlyStop).toBeNull();
    expect(output.turns).toHaveLength(3);
    const [first, second] = chairman;
    if (!first || !second) throw new Error("the chairman was called once");
    expect(second.messages.slice(0, 2)).toEqual(first.messages);
    expect(second.messages.slice(2).map((message) => [message.getType(), message.text])).toEqual([
      ["ai", JSON.stringify({ instruction: "How do I bake bread?" })],
      ["human", expect.stringContaining("repeats an earlier one")],
    ]);
  });

  it("the chairman gets the unchanged request again after an empty response", async () => {
    const { chairman } = await run(respondAs("chairman", { text: " \n" }, createResponse("What flour?"), createResponse("What salt?")));
    expect(chairman[1]?.messages).toEqual(chairman[0]?.messages);
  });

  it("the chairman is not asked again after a refusal", async () => {
    const { output, chairman } = await run(respondAs("chairman", { finishReason: "refusal" }));
    expect(chairman).toHaveLength(1);
    expect(output.earlyStop?.message).toMatch(/refused/);
  });

  it("the chairman may respond with plain text", async () => {
    const { output, chairman } = await run(respondAs("chairman", { text: "What flour?" }, { text: "What salt?" }));
    expect(chairman).toHaveLength(2);
    expect(toConversationMessages(output.messages).flatMap(({ role, content }) => (role === "user" ? [content] : []))).toEqual([
      seed.instruction,
      "What flour?",
      "What salt?",
    ]);
  });
});

describe("a candidate without a usable answer", () => {
  it.each<[string, Partial<ModelResponse>, number]>([
    ["response_empty", { text: "" }, 3],
    ["response_truncated", { text: "Half an", finishReason: "length" }, 3],
    ["response_refused", { text: "", finishReason: "refusal" }, 1],
  ])("a candidate fails the run with %s when no attempt gives a usable answer", async (code, response, attempts) => {
    const { graph, requests } = createGraphUnderTest(respondAs("candidate", response));
    const failure = graph.invoke(seed, createThread());
    await expect(failure).rejects.toThrow(InvalidResponseError);
    await expect(failure).rejects.toMatchObject({ code, details: { caller: { name: "candidate" }, attempts, rawText: response.text } });
    expect(requests).toHaveLength(attempts);
  });

  it("a truncated answer is requested again and does not enter the conversation", async () => {
    const { graph, requests } = createGraphUnderTest(
      respondAs("candidate", { text: "Half an", finishReason: "length" }, { text: "" }, { text: "Whole." }),
    );
    const output = await graph.invoke(seed, createThread({ mode: "single_turn" }));
    expect(toConversationMessages(output.messages).at(-1)?.content).toBe("Whole.");
    expect(output.messages).toHaveLength(2);
    expect(output.turns[0]?.calls).toHaveLength(3);
    expect(requests[1]?.messages.at(-1)?.text).toMatch(/cut off/);
    for (const request of requests) expect(getPromptText(request)).toContain(seed.instruction);
  });
});
