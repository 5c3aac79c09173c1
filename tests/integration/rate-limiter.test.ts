import { once } from "node:events";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { RetryOptions } from "../../src/model-calls/middleware/retry.js";
import type { CallModel, ModelMiddleware, ModelRequest } from "../../src/model-calls/model-call.js";
import { EndpointUnavailableError } from "../../src/model-calls/rate-limit/endpoint-unavailable-error.js";
import { type CircuitChange, type RateLimiter, type RateLimiterOptions, createRateLimiter } from "../../src/model-calls/rate-limit/rate-limiter.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { createRequest, testEnv } from "../support/model-requests.js";
import { type ChatResponse, type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";
import { createSuccesses, successText } from "../support/rate-limited-calls.js";

let server: OpenAiServer;
let changes: CircuitChange[];
let circuitEvents: EventTarget;
let rateLimiter: RateLimiter;
beforeEach(async () => {
  server = await startOpenAiServer();
  changes = [];
  circuitEvents = new EventTarget();
});
afterEach(async () => {
  rateLimiter.close();
  await server.close();
});

const success: ChatResponse = { content: successText };
const createServerRequest = () => createRequest(server.baseUrl);

/** Creates retry(rate limiter(attempt)). `onAttempt` is called before each attempt and when it fails. */
function createLimitedCaller(
  options: RateLimiterOptions = {},
  retry: RetryOptions = {},
  onAttempt: (event: "sent" | "failed") => void = () => undefined,
) {
  rateLimiter = createRateLimiter({
    onStateChange: (change) => {
      changes.push(change);
      circuitEvents.dispatchEvent(new Event(change.state));
    },
    ...options,
  });
  const observe: ModelMiddleware = (next) => async (request, config) => {
    onAttempt("sent");
    try {
      return await next(request, config);
    } catch (error) {
      onAttempt("failed");
      throw error;
    }
  };
  return createModelCaller({ env: testEnv, minDelayMs: 1, middleware: [rateLimiter.middleware, observe], ...retry });
}

/** Makes calls at the same time. Returns their texts and errors. */
function callAll(
  callModel: CallModel,
  count: number,
  buildRequest: () => ModelRequest = createServerRequest,
  signal?: AbortSignal,
): Promise<unknown[]> {
  const calls = Array.from({ length: count }, () => callModel(buildRequest(), { signal }));
  return Promise.all(calls.map((call) => call.then(({ text }): unknown => text).catch((error: unknown) => error)));
}

describe("createRateLimiter over HTTP", () => {
  it("reaches its maximum on a steady server, and does not exceed it", async () => {
    server.setHandler(() => ({ ...success, latencyMs: 50 }));
    expect(await callAll(createLimitedCaller({ maxConcurrency: 32 }), 600)).toEqual(createSuccesses(600));
    // A busy machine may look like a slow server for a while. The unit tests, on a fake clock, expect exactly 32.
    expect(server.peakConcurrency).toBeGreaterThan(8);
    expect(server.peakConcurrency).toBeLessThanOrEqual(32);
    expect(server.requests).toHaveLength(600);
  });

  it("reduces concurrency for many 429s and recovers, and every call succeeds", async () => {
    server.setHandler(({ index }) => (index < 160 && index % 4 === 3 ? { status: 429 } : { ...success, latencyMs: 5 }));
    const limits: number[] = [];
    const callModel = createLimitedCaller(
      { maxConcurrency: 48, pauseMs: 20 },
      { maxRetries: 50, onRetry: () => limits.push(rateLimiter.getStatus()[0]?.limit ?? 0) },
    );
    expect(await callAll(callModel, 1_500)).toEqual(createSuccesses(1_500));
    expect(limits).toHaveLength(40);
    expect(Math.min(...limits)).toBeLessThan(8);
    expect(rateLimiter.getStatus()[0]?.limit).toBeGreaterThan(Math.min(...limits));
  });

  it("sends nothing before the time that 429s name, once they are the rule, and everything after it", async () => {
    let refusedAt = Infinity;
    server.setHandler(({ index }) => {
      const now = performance.now();
      if (index === 5) refusedAt = now;
      if (now >= refusedAt + 1_000 || index < 5) return { ...success, latencyMs: 20 };
      return { status: 429, headers: { "retry-after": "1" } };
    });
    expect(await callAll(createLimitedCaller(), 100)).toEqual(createSuccesses(100));
    const early = server.requests.filter(({ arrivedAt }) => arrivedAt > refusedAt && arrivedAt < refusedAt + 1_000);
    expect(early.length).toBeLessThan(16);
  });

  it("waits for an unavailable server without using up retries, and continues when it is back", async () => {
    let isUp = false;
    server.setHandler(() => (isUp ? success : { status: 503 }));
    const firstProbe = once(circuitEvents, "half-open");
    const results = callAll(createLimitedCaller({ halfOpenAfterMs: 20, maxHalfOpenAfterMs: 40 }, { maxRetries: 3 }), 40);
    await firstProbe;
    const sentBefore = server.requests.length;
    expect(sentBefore).toBeLessThan(20);
    await server.waitForRequests(sentBefore + 5);
    expect(server.peakConcurrency).toBeLessThanOrEqual(9);
    isUp = true;
    expect(await results).toEqual(createSuccesses(40));
    expect(changes.map(({ state }) => state).slice(-2)).toEqual(["half-open", "closed"]);
    expect(changes[0]).toMatchObject({ state: "open", endpoint: server.baseUrl, lastError: expect.stringContaining("HTTP 503") });
  });

  it("gives up a server that stays unavailable, with an error that stops the run", async () => {
    server.setHandler(() => ({ status: 502 }));
    const results = await callAll(createLimitedCaller({ halfOpenAfterMs: 20, giveUpAfterMs: 200 }), 40);
    for (const error of results) expect(error).toBeInstanceOf(EndpointUnavailableError);
    expect(rateLimiter.getStatus()).toMatchObject([{ state: "unavailable", active: 0, queued: 0 }]);
  });

  it("does not slow down a model when another one is rate-limited", async () => {
    server.setHandler(({ body }) => (body.model === "busy" ? { status: 429, headers: { "retry-after": "300" } } : success));
    const callModel = createLimitedCaller();
    const controller = new AbortController();
    const createRequestTo = (model: string) => () =>
      createRequest(null, { settings: { ...createServerRequest().settings, model: `openai:${model}` } });
    const busy = callAll(callModel, 50, createRequestTo("busy"), controller.signal);
    expect(await callAll(callModel, 50, createRequestTo("other"))).toEqual(createSuccesses(50));
    await server.waitUntilIdle();
    expect(server.requests.filter(({ body }) => body.model === "busy").length).toBeLessThan(16);
    controller.abort(new Error("stopped"));
    expect(await busy).toEqual(Array(50).fill(controller.signal.reason));
  });
});
