import type { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import type { ConversationEvent } from "../../src/nodes/events.js";
import type { Turn } from "../../src/state/records.js";
import { type DevServer, devServers } from "../support/dev-server.js";
import { allowedEndpoint } from "../support/openai-env.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";
import { temporaryFiles } from "../support/temporary-files.js";

interface Values {
  readonly messages: { readonly id: string; readonly type: string; readonly content: string }[];
  readonly turns: Turn[];
  readonly earlyStop: { readonly reason: string } | null;
}

const files = temporaryFiles();
const startDevServer = devServers();
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
  server = await startDevServer({ folder: files.path("runs"), env: allowedEndpoint(models.baseUrl) });
  client = server.client();
});
afterAll(() => models.close());
beforeEach(() => models.setHandler(() => undefined));

const online = () => ({ model: "openai:test", baseUrl: models.baseUrl, apiKeyEnv: "TEST_KEY", panel });
const newThread = async () => (await client.threads.create()).thread_id;
const valuesOf = async (thread: string) => (await client.threads.getState<Values>(thread)).values;
const users = ({ messages }: Values) => messages.flatMap(({ type, content }) => (type === "human" ? [content] : []));

describe("streaming", () => {
  it("updates: what every node changed, in order", async () => {
    const nodes: string[] = [];
    for await (const { event, data } of client.runs.stream(await newThread(), assistant, {
      input,
      context: { turns: 2, panel },
      streamMode: "updates",
    }))
      if (event === "updates") nodes.push(...Object.keys(data));
    expect(nodes).toEqual(["seed", "candidate", "reviewer", "reviewer", "verdict", "chairman", "candidate"]);
  });

  it("custom: an event for every review, with turn, reviewer and scores, and for every verdict", async () => {
    const events: ConversationEvent[] = [];
    for await (const { event, data } of client.runs.stream(await newThread(), assistant, {
      input,
      context: { turns: 2, panel },
      streamMode: "custom",
    }))
      if (event === "custom") events.push(JSON.parse(JSON.stringify(data)));
    expect(events.map(({ type }) => type)).toEqual(["instruction", "response", "review", "review", "verdict", "instruction", "response"]);
    const reviews = events.filter(({ type }) => type === "review");
    const score = expect.any(Number);
    const scores = { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score };
    expect(reviews).toEqual(panel.map(({ name }) => expect.objectContaining({ turn: 1, reviewer: name, scores, critique: expect.any(String) })));
    expect(events.find(({ type }) => type === "verdict")).toMatchObject({ turn: 1, verdict: expect.stringMatching(/^(positive|negative)$/) });
  });

  it.each(["offline", "endpoint"] as const)("messages: the answer piece by piece, and by which node (%s)", async (kind) => {
    const thread = await newThread();
    const context = { mode: "single_turn", ...(kind === "endpoint" && online()) };
    const pieces: string[] = [];
    for await (const { event, data } of client.runs.stream(thread, assistant, { input, context, streamMode: "messages-tuple" })) {
      if (event !== "messages") continue;
      const [piece, { langgraph_node }] = data;
      if (langgraph_node === "candidate" && /^ai/i.test(piece.type)) pieces.push(z.string().parse(piece.content));
    }
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe((await valuesOf(thread)).messages[1]?.content);
  });

  it("tells a failure with its code before the run ends with it", async () => {
    models.setHandler(({ role }) => (role === "candidate" ? { status: 401 } : undefined));
    const told: unknown[] = [];
    for await (const { event, data } of client.runs.stream(await newThread(), assistant, { input, context: online(), streamMode: "custom" }))
      if (event === "error" || (event === "custom" && JSON.stringify(data).includes('"type":"error"'))) told.push([event, data]);
    expect(told).toEqual([
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
    expect(JSON.stringify(told)).not.toContain("very-secret");
  });
});

describe("an assistant's language", () => {
  it("reaches the models", async () => {
    const before = models.requests.length;
    const { assistant_id } = await client.assistants.create({ graphId: assistant, context: { ...online(), turns: 2, language: "German" } });
    await client.runs.wait(await newThread(), assistant_id, { input });
    const asked = models.requests.slice(before).filter(({ role }) => role !== "reviewer");
    expect(asked).toHaveLength(3);
    for (const { body } of asked) expect(JSON.stringify(body.messages)).toContain("German");
  });
});

describe("time travel", () => {
  it("forks a thread at any turn with an edited instruction, and goes on from there", async () => {
    const thread = await newThread();
    const context = { turns: 3, panel };
    await client.runs.wait(thread, assistant, { input, context });
    const before = await valuesOf(thread);
    const history = await client.threads.getHistory<Values>(thread, { limit: 100 });
    for (const [turn, asNode] of [
      [2, "chairman"],
      [1, "seed"],
    ] as const) {
      // Where the turn's instruction stands and its answer does not.
      const at = history.find(({ next, values }) => next[0] === "candidate" && values.turns.length === turn);
      const edited = { ...at?.values.messages.at(-1), content: `What of rye in turn ${turn}?` };
      await client.threads.updateState(thread, { values: { messages: [edited] }, checkpoint: at?.checkpoint, asNode });
      await client.runs.wait(thread, assistant, { input: null, context });
      const after = await valuesOf(thread);
      expect(after.turns.map((record) => record.turn)).toEqual([1, 2, 3]);
      expect(users(after).slice(0, turn)).toEqual([...users(before).slice(0, turn - 1), edited.content]);
      expect(after.messages).toHaveLength(6);
      expect(after.messages.slice(0, 2 * turn - 2)).toEqual(before.messages.slice(0, 2 * turn - 2));
      expect(after.messages[2 * turn - 1]?.content).toContain("rye");
    }
    const old = await client.threads.getState<Values>(thread, history[0]?.checkpoint);
    expect(old.values.messages).toEqual(before.messages);
  });
});

describe("a person's pause", () => {
  const context = { turns: 3, panel, humanReview: true };

  async function paused(thread: string): Promise<Record<string, unknown>> {
    const { next, tasks } = await client.threads.getState(thread);
    expect(next).toEqual(["human_review"]);
    return JSON.parse(JSON.stringify(tasks[0]?.interrupts[0]?.value));
  }

  it("shows the proposal with its critiques, and takes accept, edit and end", async () => {
    const thread = await newThread();
    await client.runs.wait(thread, assistant, { input, context });
    const first = await paused(thread);
    expect(first).toMatchObject({
      turn: 2,
      instruction: expect.any(String),
      evolution: expect.any(String),
      critiques: [{ reviewer: "facts" }, { reviewer: "style" }],
    });

    await client.runs.wait(thread, assistant, { command: { resume: { action: "accept" } }, context });
    expect(users(await valuesOf(thread))).toEqual([input.instruction, first.instruction]);

    expect(await paused(thread)).toMatchObject({ turn: 3 });
    await client.runs.wait(thread, assistant, { command: { resume: { action: "edit", instruction: "What about rye?" } }, context });
    const { turns, ...values } = await valuesOf(thread);
    expect(users({ turns, ...values })).toEqual([input.instruction, first.instruction, "What about rye?"]);
    expect(turns).toHaveLength(3);
    expect((await client.threads.getState(thread)).next).toEqual([]);

    const other = await newThread();
    await client.runs.wait(other, assistant, { input, context });
    await client.runs.wait(other, assistant, { command: { resume: { action: "end" } }, context });
    expect(await valuesOf(other)).toMatchObject({ earlyStop: { reason: "stopped_by_human" }, turns: [{ turn: 1 }] });
    expect((await client.threads.getState(other)).next).toEqual([]);
  });

  it("still waits after a word that it cannot take", async () => {
    const thread = await newThread();
    await client.runs.wait(thread, assistant, { input, context });
    const proposal = await paused(thread);
    const refused = await client.runs.wait(thread, assistant, { command: { resume: "yes" }, context, raiseError: false });
    expect(JSON.stringify(refused)).toContain("__error__");
    expect(await paused(thread)).toEqual(proposal);
    await client.runs.wait(thread, assistant, { command: { resume: { action: "accept" } }, context });
    expect(users(await valuesOf(thread))).toHaveLength(2);
  });
});

describe("cancel", () => {
  it("breaks off the model calls under way, and the thread can go on later", async () => {
    models.setHandler(({ role }) => (role === "reviewer" ? { hang: true } : undefined));
    const before = models.requests.length;
    const thread = await newThread();
    const run = await client.runs.create(thread, assistant, { input, context: { ...online(), turns: 2 } });
    await models.arrived(before + 3);
    const reviews = models.requests.slice(before + 1);
    expect(reviews.map(({ role, abandoned }) => ({ role, abandoned }))).toEqual(panel.map(() => ({ role: "reviewer", abandoned: false })));
    await client.runs.cancel(thread, run.run_id, true);
    await models.idle();
    expect(reviews.map(({ abandoned }) => abandoned)).toEqual([true, true]);
    expect(models.requests).toHaveLength(before + 3);
    expect((await client.runs.get(thread, run.run_id)).status).toBe("interrupted");

    models.setHandler(() => undefined);
    await client.runs.wait(thread, assistant, { input: null, context: { ...online(), turns: 2 } });
    expect((await valuesOf(thread)).turns.map(({ reviews: { length } }) => length)).toEqual([2, 0]);
    // The answer was not paid for twice.
    expect(models.requests.slice(before).filter(({ role }) => role === "candidate")).toHaveLength(2);
  });
});

describe("a request's own endpoint", () => {
  it.each([
    ["base URL", { baseUrl: "", apiKeyEnv: "TEST_KEY" }],
    ["base URL of one role", { candidate: { baseUrl: "" } }],
    ["key variable", { apiKeyEnv: "LANGSMITH_API_KEY" }],
  ])("is refused before anything is sent, where the operator does not allow it: %s", async (_what, settings) => {
    const elsewhere = await startOpenAiServer();
    const context = JSON.parse(JSON.stringify({ ...online(), ...settings }).replaceAll('"baseUrl":""', `"baseUrl":"${elsewhere.baseUrl}"`));
    const before = models.requests.length;
    const answer = await client.runs.wait(await newThread(), assistant, { input, context, raiseError: false });
    expect(JSON.stringify(answer)).toMatch(/baseUrl and apiKeyEnv.*REVIEW_INSTRUCT_ENDPOINTS/);
    expect(elsewhere.requests).toEqual([]);
    expect(models.requests).toHaveLength(before);
    await elsewhere.close();
  });
});
