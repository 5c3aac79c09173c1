import { once } from "node:events";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { EndpointUnavailableError } from "../../src/model-calls/rate-limit/endpoint-unavailable-error.js";
import { type CircuitChange, type RateLimiter, type RateLimiterOptions, createRateLimiter } from "../../src/model-calls/rate-limit/rate-limiter.js";
import type { RetryOptions } from "../../src/model-calls/middleware/retry.js";
import type { CallModel, ModelRequest } from "../../src/model-calls/model-call.js";
import { answered } from "../support/rate-limited-calls.js";
import { requestTo, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, type Reply, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
let changes: CircuitChange[];
let circuit: EventTarget;
let gate: RateLimiter;
beforeEach(async () => {
  server = await startOpenAiServer();
  changes = [];
  circuit = new EventTarget();
});
afterEach(async () => {
  gate.close();
  await server.close();
});

const well: Reply = { content: "Because." };
const call = () => requestTo(server.baseUrl);

/** Retries around a gate around single attempts; `inside` is told when an attempt leaves and when it fails. */
function gated(options: RateLimiterOptions = {}, retry: RetryOptions = {}, inside: (event: "left" | "failed", at: number) => void = () => undefined) {
  gate = createRateLimiter({
    onStateChange: (change) => {
      changes.push(change);
      circuit.dispatchEvent(new Event(change.state));
    },
    ...options,
  });
  const watch = (access: CallModel): CallModel => {
    return async (request, config) => {
      inside("left", performance.now());
      try {
        return await access(request, config);
      } catch (error) {
        inside("failed", performance.now());
        throw error;
      }
    };
  };
  return createModelCaller({ env: testEnv, minDelayMs: 1, middleware: [gate.middleware, watch], ...retry });
}

/** Makes so many calls at once: their texts and errors. */
function callAll(access: CallModel, count: number, request: () => ModelRequest = call, signal?: AbortSignal): Promise<unknown[]> {
  const calls = Array.from({ length: count }, () => access(request(), { signal }));
  return Promise.all(calls.map((calling) => calling.then(({ text }): unknown => text).catch((error: unknown) => error)));
}

describe("the call gate over HTTP", () => {
  it("grows to its most on a steady server, and no further", async () => {
    server.setHandler(() => ({ ...well, latencyMs: 50 }));
    expect(await callAll(gated({ maxConcurrency: 32 }), 600)).toEqual(answered(600));
    // A busy machine may look like a slow server for a while; on a clock of its own (see the unit tests) it is exactly 32.
    expect(server.peakConcurrency).toBeGreaterThan(8);
    expect(server.peakConcurrency).toBeLessThanOrEqual(32);
    expect(server.requests).toHaveLength(600);
  });

  it("gives way to a storm of 429s and comes back, with every call answered", async () => {
    server.setHandler(({ index }) => (index < 160 && index % 4 === 3 ? { status: 429 } : { ...well, latencyMs: 5 }));
    const limits: number[] = [];
    const access = gated({ maxConcurrency: 48, pauseMs: 20 }, { maxRetries: 50, onRetry: () => limits.push(gate.getStatus()[0]?.limit ?? 0) });
    expect(await callAll(access, 1_500)).toEqual(answered(1_500));
    expect(limits).toHaveLength(40);
    expect(Math.min(...limits)).toBeLessThan(8);
    expect(gate.getStatus()[0]?.limit).toBeGreaterThan(Math.min(...limits));
  });

  it("sends nothing at all before the time that a 429 names, and everything after it", async () => {
    server.setHandler(({ index }) => (index === 5 ? { status: 429, headers: { "retry-after": "1" } } : { ...well, latencyMs: 20 }));
    let before = 0;
    let refused = false;
    const access = gated({}, {}, (event) => {
      if (event === "failed") refused = true;
      else if (!refused) before++;
    });
    expect(await callAll(access, 100)).toEqual(answered(100));
    const refusedAt = server.requests[5]?.arrivedAt ?? Number.NaN;
    const late = server.requests.slice(before).map(({ arrivedAt }) => arrivedAt - refusedAt);
    expect(late.length).toBeGreaterThan(70);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(1_000);
  });

  it("waits for a server that is away, without an attempt too many, and goes on when it is back", async () => {
    let up = false;
    server.setHandler(() => (up ? well : { status: 503 }));
    const probing = once(circuit, "probing");
    const outcomes = callAll(gated({ halfOpenAfterMs: 20, maxHalfOpenAfterMs: 40 }, { maxRetries: 3 }), 40);
    await probing;
    const sent = server.requests.length;
    expect(sent).toBeLessThan(20);
    await server.arrived(sent + 5);
    expect(server.peakConcurrency).toBeLessThanOrEqual(9);
    up = true;
    expect(await outcomes).toEqual(answered(40));
    expect(changes.map(({ state }) => state).slice(-2)).toEqual(["probing", "closed"]);
    expect(changes[0]).toMatchObject({ state: "open", endpoint: server.baseUrl, lastError: expect.stringContaining("HTTP 503") });
  });

  it("gives a server up that stays away, with an error that stops the run", async () => {
    server.setHandler(() => ({ status: 502 }));
    const outcomes = await callAll(gated({ halfOpenAfterMs: 20, giveUpAfterMs: 200 }), 40);
    for (const error of outcomes) expect(error).toBeInstanceOf(EndpointUnavailableError);
    expect(gate.getStatus()).toMatchObject([{ state: "down", active: 0, queued: 0 }]);
  });

  it("keeps lanes apart: a refusing model does not slow down another one", async () => {
    server.setHandler(({ body }) => (body.model === "busy" ? { status: 429, headers: { "retry-after": "300" } } : well));
    const access = gated();
    const controller = new AbortController();
    const to = (model: string) => () => requestTo(null, { settings: { ...call().settings, model: `openai:${model}` } });
    const busy = callAll(access, 50, to("busy"), controller.signal);
    expect(await callAll(access, 50, to("other"))).toEqual(answered(50));
    await server.idle();
    expect(server.requests.filter(({ body }) => body.model === "busy")).toHaveLength(8);
    controller.abort(new Error("stopped"));
    expect(await busy).toEqual(Array(50).fill(controller.signal.reason));
  });
});
