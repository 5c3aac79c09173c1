import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { MemorySaver } from "@langchain/langgraph";

import { ModelCallError, QuorumError } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { getRejection } from "../support/get-rejection.js";
import { createThread } from "../support/graph-under-test.js";
import { secretKey, testEnv } from "../support/model-requests.js";
import { type FailedResponse, type OpenAiServer, type ServerRequest, startOpenAiServer } from "../support/openai-server.js";

const seed = { instruction: "How do I bake bread?" };
const vllmWords =
  "This model's maximum context length is 4096 tokens. However, you requested 4200 tokens (2152 in the messages, 2048 in the completion). Please reduce the length of the messages or completion.";
const llamaWords = "Context size has been exceeded.";
const vllm: FailedResponse = { status: 400, body: { object: "error", message: vllmWords, type: "BadRequestError", param: null, code: 400 } };
const olderLlama: FailedResponse = { status: 500, body: { error: { code: 500, message: llamaWords, type: "server_error" } } };

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

type IsTooLong = (request: ServerRequest, earlierCalls: number) => boolean;

/** Responds as a role should, until the requests of that kind no longer fit. */
function failWhere(isTooLong: IsTooLong, failure: FailedResponse = vllm) {
  server.setHandler((request) => {
    const earlierCalls = server.requests.slice(0, request.index).filter(({ role }) => role === request.role).length;
    return isTooLong(request, earlierCalls) ? failure : undefined;
  });
}

function createGraph() {
  const callModel = createModelCaller({ env: testEnv, minDelayMs: 1 });
  return createReviewInstructGraph({ callModel, checkpointer: new MemorySaver() });
}

function createContext(turns = 4) {
  return createThread({ turns, model: "openai:m", baseUrl: server.baseUrl, apiKeyEnv: "TEST_KEY" });
}

/** Matches the requests of a role after its first ones. Three reviewers make one each a turn. */
const calls =
  (role: string, minEarlierCalls: number): IsTooLong =>
  (request, earlierCalls) =>
    request.role === role && earlierCalls >= minEarlierCalls;

describe("a conversation that no longer fits a context", () => {
  it.each<[string, IsTooLong, FailedResponse, { turns: number; verdicts: RegExp; reviews: number[]; abstentions: number[] }]>([
    ["the candidate in turn 3", calls("candidate", 2), vllm, { turns: 2, verdicts: /^\w+,\w+$/, reviews: [3, 3], abstentions: [0, 0] }],
    ["the candidate in turn 2, status 500", calls("candidate", 1), olderLlama, { turns: 1, verdicts: /^\w+$/, reviews: [3], abstentions: [0] }],
    [
      "the candidate in the last turn",
      calls("candidate", 3),
      vllm,
      { turns: 3, verdicts: /^\w+,\w+,\w+$/, reviews: [3, 3, 3], abstentions: [0, 0, 0] },
    ],
    ["the chairman after turn 1", calls("chairman", 0), vllm, { turns: 1, verdicts: /^\w+$/, reviews: [3], abstentions: [0] }],
    [
      "the chairman after turn 2, status 500",
      calls("chairman", 1),
      olderLlama,
      { turns: 2, verdicts: /^\w+,\w+$/, reviews: [3, 3], abstentions: [0, 0] },
    ],
    ["all reviewers of turn 2", calls("reviewer", 3), vllm, { turns: 2, verdicts: /^\w+,$/, reviews: [3, 0], abstentions: [0, 3] }],
    ["two of three reviewers of turn 2", calls("reviewer", 4), vllm, { turns: 2, verdicts: /^\w+,$/, reviews: [3, 1], abstentions: [0, 2] }],
  ])("a conversation ends with its last complete answer when it does not fit %s", async (_, isTooLong, failure, expected) => {
    failWhere(isTooLong, failure);
    const { messages, turns, earlyStop } = await createGraph().invoke(seed, createContext());
    expect(earlyStop).toEqual({
      reason: "context_overflow",
      message: expect.stringContaining(failure === vllm ? vllmWords.slice(0, -1) : llamaWords.slice(0, -1)),
    });
    expect(earlyStop?.message).not.toContain(secretKey);
    expect(toConversationMessages(messages).map(({ role }) => role)).toEqual(
      Array.from({ length: expected.turns }, () => ["user", "assistant"]).flat(),
    );
    expect(turns.map(({ turn }) => turn)).toEqual(Array.from({ length: expected.turns }, (__, index) => index + 1));
    expect(turns.map(({ verdict }) => verdict ?? "").join(",")).toMatch(expected.verdicts);
    expect(turns.map(({ reviews }) => reviews.length)).toEqual(expected.reviews);
    expect(turns.map(({ abstentions }) => abstentions.length)).toEqual(expected.abstentions);
    const answered = server.requests.length - turns.flatMap(({ calls: usage }) => usage).length;
    expect(answered).toBe(expected.abstentions.reduce((sum, count) => sum + count, 0) || 1);
  });

  it("a conversation goes on when only one reviewer cannot read it", async () => {
    server.setHandler((request) => (request.role === "reviewer" && JSON.stringify(request.body).includes("Depth: causes") ? vllm : undefined));
    const { turns, earlyStop } = await createGraph().invoke(seed, createContext(3));
    expect(earlyStop).toBeNull();
    expect(turns.map(({ abstentions }) => abstentions)).toMatchObject([
      [{ reviewer: "depth", code: "model_context_overflow", reason: expect.stringContaining("maximum context length is 4096") }],
      [{ reviewer: "depth", code: "model_context_overflow" }],
      [],
    ]);
  });

  it("the candidate's calls for a turn that was removed are counted with the turn before", async () => {
    let secondTurnCalls = 0;
    server.setHandler(({ role, body }) => {
      if (role !== "candidate" || !JSON.stringify(body).includes("How would case")) return undefined;
      return ++secondTurnCalls === 1 ? { content: "Half of an", finishReason: "length" } : vllm;
    });
    const { turns, earlyStop } = await createGraph().invoke(seed, createContext(2));
    expect(earlyStop?.reason).toBe("context_overflow");
    expect(turns.map(({ calls: usage }) => usage.filter(({ caller }) => caller === "candidate").length)).toEqual([2]);
  });

  it("a client that streams sees the conversation end after the last turn that stays", async () => {
    failWhere(calls("candidate", 2));
    const events: unknown[] = [];
    for await (const event of await createGraph().stream(seed, { ...createContext(), streamMode: "custom" })) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: "early_stop", reason: "context_overflow", turn: 2 });
  });

  it("a further message on the thread is answered after an early stop", async () => {
    failWhere(calls("candidate", 1));
    const [graph, thread] = [createGraph(), createContext(2)];
    expect((await graph.invoke(seed, thread)).earlyStop?.reason).toBe("context_overflow");
    server.setHandler(() => undefined);
    const { messages, turns, earlyStop } = await graph.invoke({ instruction: "And rye?" }, thread);
    expect(earlyStop).toBeNull();
    expect(turns.map(({ turn, evolution }) => [turn, evolution])).toMatchObject([
      [1, "seed"],
      [2, "seed"],
      [3, expect.any(String)],
    ]);
    expect(toConversationMessages(messages)).toHaveLength(6);
  });
});

describe("a first turn that does not fit a context", () => {
  it("a run fails with the server's words, after one request, when the seed does not fit", async () => {
    failWhere(calls("candidate", 0));
    const error = await getRejection(createGraph().invoke(seed, createContext()));
    expect(error).toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject({
      code: "model_context_overflow",
      message: expect.stringMatching(/maximum context length is 4096 .*lower maxOutputTokens/s),
    });
    expect(server.requests).toHaveLength(1);
  });

  it("a run misses its quorum when the first answer fits no reviewer", async () => {
    failWhere(calls("reviewer", 0));
    const error = await getRejection(createGraph().invoke(seed, createContext()));
    expect(error).toBeInstanceOf(QuorumError);
    expect(error).toMatchObject({ message: expect.stringContaining("maximum context length is 4096") });
  });
});
