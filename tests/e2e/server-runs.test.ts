import type { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import type { ConversationEvent } from "../../src/nodes/events.js";
import type { Turn } from "../../src/state/records.js";
import { type DevServer, useDevServers } from "../support/dev-server.js";
import { createEndpointEnv } from "../support/openai-env.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

interface Values {
  readonly messages: { readonly id: string; readonly type: string; readonly content: string }[];
  readonly turns: Turn[];
  readonly earlyStop: { readonly reason: string } | null;
}

const files = createTemporaryFiles();
const startDevServer = useDevServers();
const assistant = "review_instruct";
const input = { instruction: "How is bread made?" };
const panel = [
  { name: "facts", focus: "Facts." },
  { name: "style", focus: "Style." },
];
let models: OpenAiServer;
let server: DevServer;
let client: Client;

beforeAll(async () => {
  models = await startOpenAiServer();
  server = await startDevServer({ folder: files.path("runs"), env: createEndpointEnv(models.baseUrl) });
  client = server.createClient();
});
afterAll(() => models.close());
beforeEach(() => models.setHandler(() => undefined));

const getModelSettings = () => ({ model: "openai:test", baseUrl: models.baseUrl, apiKeyEnv: "TEST_KEY", panel });
const createThread = async () => (await client.threads.create()).thread_id;
const getValues = async (thread: string) => (await client.threads.getState<Values>(thread)).values;
const getInstructions = ({ messages }: Values) => messages.flatMap(({ type, content }) => (type === "human" ? [content] : []));

describe("stream modes", () => {
  it("stream mode updates contains the nodes in order", async () => {
    const nodes: string[] = [];
    for await (const { event, data } of client.runs.stream(await createThread(), assistant, {
      input,
      context: { turns: 2, panel },
      streamMode: "updates",
    }))
      if (event === "updates") nodes.push(...Object.keys(data));
    expect(nodes).toEqual(["start_conversation", "candidate", "reviewer", "reviewer", "aggregate_reviews", "chairman", "candidate"]);
  });

  it("stream mode custom contains an event for every instruction, response, review and verdict", async () => {
    const events: ConversationEvent[] = [];
    for await (const { event, data } of client.runs.stream(await createThread(), assistant, {
      input,
      context: { turns: 2, panel },
      streamMode: "custom",
    }))
      if (event === "custom") events.push(JSON.parse(JSON.stringify(data)));
    expect(events.map(({ type }) => type)).toEqual(["instruction", "response", "review", "review", "verdict", "instruction", "response"]);
    const reviews = events.filter(({ type }) => type === "review");
    const score = expect.any(Number);
    const scores = { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score };
    // Reviewers run in parallel: either may finish first.
    const expected = panel.map(({ name }) => expect.objectContaining({ turn: 1, reviewer: name, scores, critique: expect.any(String) }));
    expect(reviews).toEqual(expect.arrayContaining(expected));
    expect(events.find(({ type }) => type === "verdict")).toMatchObject({ turn: 1, verdict: expect.stringMatching(/^(positive|negative)$/) });
  });

  it.each(["offline", "endpoint"] as const)("stream mode messages contains the response in several chunks with its node (%s model)", async (kind) => {
    const thread = await createThread();
    const context = { mode: "single_turn", ...(kind === "endpoint" && getModelSettings()) };
    const chunks: string[] = [];
    for await (const { event, data } of client.runs.stream(thread, assistant, { input, context, streamMode: "messages-tuple" })) {
      if (event !== "messages") continue;
      const [chunk, { langgraph_node }] = data;
      if (langgraph_node === "candidate" && /^ai/i.test(chunk.type)) chunks.push(z.string().parse(chunk.content));
    }
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.join("")).toBe((await getValues(thread)).messages[1]?.content);
  });

  it("stream mode custom contains an error event before the run fails", async () => {
    models.setHandler(({ role }) => (role === "candidate" ? { status: 401 } : undefined));
    const errors: unknown[] = [];
    for await (const { event, data } of client.runs.stream(await createThread(), assistant, {
      input,
      context: getModelSettings(),
      streamMode: "custom",
    }))
      if (event === "error" || (event === "custom" && JSON.stringify(data).includes('"type":"error"'))) errors.push([event, data]);
    expect(errors).toEqual([
      [
        "custom",
        expect.objectContaining({
          type: "error",
          name: "ModelCallError",
          code: "model_unauthorized",
          details: expect.objectContaining({ status: 401 }),
        }),
      ],
      ["error", expect.objectContaining({ error: "ModelCallError" })],
    ]);
    expect(JSON.stringify(errors)).not.toContain("very-secret");
  });
});

describe("assistant settings", () => {
  it("the language of an assistant is in the prompts of candidate and chairman", async () => {
    const before = models.requests.length;
    const { assistant_id } = await client.assistants.create({ graphId: assistant, context: { ...getModelSettings(), turns: 2, language: "German" } });
    await client.runs.wait(await createThread(), assistant_id, { input });
    const requests = models.requests.slice(before).filter(({ role }) => role !== "reviewer");
    expect(requests).toHaveLength(3);
    for (const { body } of requests) expect(JSON.stringify(body.messages)).toContain("German");
  });
});

describe("time travel", () => {
  it("a thread can be forked at any turn with an edited instruction", async () => {
    const thread = await createThread();
    const context = { turns: 3, panel };
    await client.runs.wait(thread, assistant, { input, context });
    const before = await getValues(thread);
    const history = await client.threads.getHistory<Values>(thread, { limit: 100 });
    for (const [turn, asNode] of [
      [2, "chairman"],
      [1, "start_conversation"],
    ] as const) {
      // The checkpoint that has the instruction of the turn but not its response.
      const fork = history.find(({ next, values }) => next[0] === "candidate" && values.turns.length === turn);
      const edited = { ...fork?.values.messages.at(-1), content: `What of rye in turn ${turn}?` };
      await client.threads.updateState(thread, { values: { messages: [edited] }, checkpoint: fork?.checkpoint, asNode });
      await client.runs.wait(thread, assistant, { input: null, context });
      const after = await getValues(thread);
      expect(after.turns.map((record) => record.turn)).toEqual([1, 2, 3]);
      expect(getInstructions(after).slice(0, turn)).toEqual([...getInstructions(before).slice(0, turn - 1), edited.content]);
      expect(after.messages).toHaveLength(6);
      expect(after.messages.slice(0, 2 * turn - 2)).toEqual(before.messages.slice(0, 2 * turn - 2));
      expect(after.messages[2 * turn - 1]?.content).toContain("rye");
    }
    const oldBranch = await client.threads.getState<Values>(thread, history[0]?.checkpoint);
    expect(oldBranch.values.messages).toEqual(before.messages);
  });
});

describe("human review", () => {
  const context = { turns: 3, panel, humanReview: true };

  async function getInterrupt(thread: string): Promise<Record<string, unknown>> {
    const { next, tasks } = await client.threads.getState(thread);
    expect(next).toEqual(["human_review"]);
    return JSON.parse(JSON.stringify(tasks[0]?.interrupts[0]?.value));
  }

  it("human review shows the pending instruction with its critiques, and accepts accept, edit and end", async () => {
    const thread = await createThread();
    await client.runs.wait(thread, assistant, { input, context });
    const first = await getInterrupt(thread);
    expect(first).toMatchObject({
      turn: 2,
      instruction: expect.any(String),
      evolution: expect.any(String),
      critiques: [{ reviewer: "facts" }, { reviewer: "style" }],
    });

    await client.runs.wait(thread, assistant, { command: { resume: { action: "accept" } }, context });
    expect(getInstructions(await getValues(thread))).toEqual([input.instruction, first.instruction]);

    expect(await getInterrupt(thread)).toMatchObject({ turn: 3 });
    await client.runs.wait(thread, assistant, { command: { resume: { action: "edit", instruction: "What about rye?" } }, context });
    const { turns, ...values } = await getValues(thread);
    expect(getInstructions({ turns, ...values })).toEqual([input.instruction, first.instruction, "What about rye?"]);
    expect(turns).toHaveLength(3);
    expect((await client.threads.getState(thread)).next).toEqual([]);

    const other = await createThread();
    await client.runs.wait(other, assistant, { input, context });
    await client.runs.wait(other, assistant, { command: { resume: { action: "end" } }, context });
    expect(await getValues(other)).toMatchObject({ earlyStop: { reason: "stopped_by_human" }, turns: [{ turn: 1 }] });
    expect((await client.threads.getState(other)).next).toEqual([]);
  });

  it("human review still waits after an invalid decision", async () => {
    const thread = await createThread();
    await client.runs.wait(thread, assistant, { input, context });
    const pendingReview = await getInterrupt(thread);
    const result = await client.runs.wait(thread, assistant, { command: { resume: "yes" }, context, raiseError: false });
    expect(JSON.stringify(result)).toContain("__error__");
    expect(await getInterrupt(thread)).toEqual(pendingReview);
    await client.runs.wait(thread, assistant, { command: { resume: { action: "accept" } }, context });
    expect(getInstructions(await getValues(thread))).toHaveLength(2);
  });
});

describe("cancelled runs", () => {
  it("cancelling a run aborts its model calls, and the thread can be resumed", async () => {
    models.setHandler(({ role }) => (role === "reviewer" ? { hang: true } : undefined));
    const before = models.requests.length;
    const thread = await createThread();
    const run = await client.runs.create(thread, assistant, { input, context: { ...getModelSettings(), turns: 2 } });
    await models.waitForRequests(before + 3);
    const reviews = models.requests.slice(before + 1);
    expect(reviews.map(({ role, abandoned }) => ({ role, abandoned }))).toEqual(panel.map(() => ({ role: "reviewer", abandoned: false })));
    await client.runs.cancel(thread, run.run_id, true);
    await models.waitUntilIdle();
    expect(reviews.map(({ abandoned }) => abandoned)).toEqual([true, true]);
    expect(models.requests).toHaveLength(before + 3);
    expect((await client.runs.get(thread, run.run_id)).status).toBe("interrupted");

    models.setHandler(() => undefined);
    await client.runs.wait(thread, assistant, { input: null, context: { ...getModelSettings(), turns: 2 } });
    expect((await getValues(thread)).turns.map(({ reviews: { length } }) => length)).toEqual([2, 0]);
    // The response of the first turn was not requested again.
    expect(models.requests.slice(before).filter(({ role }) => role === "candidate")).toHaveLength(2);
  });
});

describe("endpoints in the settings of a run", () => {
  it.each([
    ["base URL", { baseUrl: "", apiKeyEnv: "TEST_KEY" }],
    ["base URL of one role", { candidate: { baseUrl: "" } }],
    ["key variable", { apiKeyEnv: "LANGSMITH_API_KEY" }],
  ])("a run with a %s that the operator does not allow fails before anything is sent", async (_what, settings) => {
    const otherEndpoint = await startOpenAiServer();
    const context = JSON.parse(
      JSON.stringify({ ...getModelSettings(), ...settings }).replaceAll('"baseUrl":""', `"baseUrl":"${otherEndpoint.baseUrl}"`),
    );
    const before = models.requests.length;
    const result = await client.runs.wait(await createThread(), assistant, { input, context, raiseError: false });
    expect(JSON.stringify(result)).toMatch(/baseUrl and apiKeyEnv.*REVIEW_INSTRUCT_ENDPOINTS/);
    expect(otherEndpoint.requests).toEqual([]);
    expect(models.requests).toHaveLength(before);
    await otherEndpoint.close();
  });
});
