import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { createRateLimiter } from "../../src/model-calls/rate-limit/rate-limiter.js";
import { describeEndpoint } from "../../src/models/registry.js";
import { getRejection } from "../support/get-rejection.js";
import { type HttpReply, type HttpServer, startHttpServer } from "../support/http-server.js";
import { createModelSettings, createRequest, testEnv } from "../support/model-requests.js";

const createCompletion = (content: string, latencyMs = 5): HttpReply => ({
  latencyMs,
  body: {
    id: "1",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
  },
});
const refusal = (status: number, headers?: Record<string, string>): HttpReply => ({
  status,
  headers,
  body: { error: { message: `status ${status}` } },
});

let servers: HttpServer[];
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 });
  servers = await Promise.all(["a", "b", "c"].map((name) => startHttpServer(() => createCompletion(name))));
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(servers.map((server) => server.close().catch(() => undefined)));
});

function createSettings() {
  const replicas = servers.map(({ origin }) => `${origin}/v1`);
  return createModelSettings(replicas[0] ?? null, { replicas });
}

function createCaller() {
  const events: string[] = [];
  const limiter = createRateLimiter({ describeEndpoint, onStateChange: ({ state }) => events.push(state) });
  const callModel = createModelCaller({
    env: testEnv,
    minDelayMs: 1,
    maxRetries: 0,
    middleware: [limiter.middleware],
    onRetry: ({ reason }) => events.push(reason),
  });
  const settings = createSettings();
  return { call: () => callModel(createRequest(null, { settings }), {}), events, limiter };
}

const getCounts = () => servers.map(({ requests }) => requests.length);

describe("replicas of one model", () => {
  it("share the work: each call goes to the least busy one", async () => {
    const { call, limiter } = createCaller();
    await Promise.all(Array.from({ length: 30 }, call));
    expect(getCounts().reduce((sum, count) => sum + count, 0)).toBe(30);
    for (const count of getCounts()) expect(count).toBeGreaterThanOrEqual(6);
    expect(limiter.getStatus()).toHaveLength(1);
  });

  it("cover for one that dies in the middle of a job, and take it back when it returns", async () => {
    const { call, events } = createCaller();
    const [, second] = servers;
    if (!second) throw new Error("no second server");
    second.setHandler(() => createCompletion("b", 60_000));
    const first = Array.from({ length: 12 }, call);
    await vi.waitUntil(() => second.requests.length > 0);
    await second.close();
    const answers = await Promise.all([...first, ...Array.from({ length: 20 }, call)]);
    expect(answers.map(({ text }) => text).filter((text) => text === "b")).toEqual([]);

    const returned = await startHttpServer(() => createCompletion("b"), second.port);
    servers[1] = returned;
    await Promise.all(Array.from({ length: 6 }, call));
    expect(returned.requests, "left out until its rest is over").toHaveLength(0);
    vi.setSystemTime(Date.now() + 61_000);
    await call();
    expect(returned.requests, "tried with a single call").toHaveLength(1);
    await Promise.all(Array.from({ length: 12 }, call));
    expect(returned.requests.length).toBeGreaterThan(2);
    expect(events, "no call met a failure").toEqual([]);
  });

  it.each([
    ["429", refusal(429, { "retry-after": "1" })],
    ["503", refusal(503)],
  ])("take over from one that answers %s", async (_status, reply) => {
    const { call, events } = createCaller();
    servers[0]?.setHandler(() => reply);
    const answers = await Promise.all(Array.from({ length: 9 }, call));
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["b", "c"]));
    expect(events).toEqual([]);
  });

  it("try a request that one answers with 500 at one other", async () => {
    const { call } = createCaller();
    for (const server of servers) server.setHandler(() => refusal(500));
    expect(await getRejection(call())).toMatchObject({ code: "model_unavailable", details: { status: 500 } });
    expect(getCounts().toSorted((a, b) => a - b)).toEqual([0, 1, 1]);
  });

  it("do not repeat a request whose key is wrong", async () => {
    const { call } = createCaller();
    for (const server of servers) server.setHandler(() => refusal(401));
    expect(await getRejection(call())).toMatchObject({ code: "model_unauthorized" });
    expect(getCounts().toSorted((a, b) => a - b)).toEqual([0, 0, 1]);
  });

  it("are named together in the error if all of them are gone", async () => {
    const { call } = createCaller();
    const origins = servers.map(({ origin }) => `${origin}/v1`);
    await Promise.all(servers.map((server) => server.close()));
    expect(await getRejection(call())).toMatchObject({ code: "model_unavailable", details: { endpoint: origins.join(", ") } });
  });
});
