import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import type { CallModel, ModelResponse } from "../../../../src/model-calls/model-call.js";
import { createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import { createRequest } from "../../../support/model-requests.js";
import { callMany, createSuccesses, successText, waitUntil } from "../../../support/rate-limited-calls.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const timeoutMs = 600_000;
const localEndpoint = "http://127.0.0.1:8080/v1";

/** Creates a server that computes as many responses at once as it has slots, the others waiting in order. */
function createSlotServer(slots: number, tokensPerSecond: number, getTokens: (index: number) => number) {
  const waiting: (() => void)[] = [];
  const log = { inFlight: 0, peaks: [] as number[], latencies: [] as number[], finished: 0 };
  let busy = 0;
  let sent = 0;
  const callModel: CallModel = async () => {
    const startedAt = performance.now();
    const tokens = getTokens(sent++);
    log.peaks.push(++log.inFlight);
    if (busy >= slots) await new Promise<void>((resolve) => waiting.push(resolve));
    busy++;
    await new Promise((resolve) => void setTimeout(resolve, (tokens / tokensPerSecond) * 1_000));
    busy--;
    waiting.shift()?.();
    log.inFlight--;
    log.finished++;
    log.latencies.push(performance.now() - startedAt);
    if (performance.now() - startedAt > timeoutMs) throw new AttemptError("model_timeout", "no response within 600 s", { retryable: true });
    const usage = { inputTokens: 100, outputTokens: tokens };
    return { text: successText, finishReason: "stop", usage, model: "local" } satisfies ModelResponse;
  };
  return { callModel, log };
}

describe("createRateLimiter: a local server with four slots", () => {
  it.each([5, 20, 80])("keeps at most about twice as many calls in flight at %i tokens a second, and none times out", async (speed) => {
    const tokens = [250, 400, 300, 550, 200];
    const { callModel, log } = createSlotServer(4, speed, (index) => tokens[index % tokens.length] ?? 300);
    const limited = createRateLimiter().middleware(callModel);
    const results = callMany(limited, 200, () => createRequest(localEndpoint));
    await waitUntil(() => results.length === 200);
    expect(results).toEqual(createSuccesses(200));
    // After the window in which it found the number of slots.
    expect(Math.max(...log.peaks.slice(24))).toBeLessThanOrEqual(9);
    expect(Math.max(...log.peaks)).toBeLessThanOrEqual(12);
    expect(Math.max(...log.latencies)).toBeLessThan(timeoutMs);
  });

  it("sends fewer calls at once after a timeout", async () => {
    const { callModel, log } = createSlotServer(1, 5, () => 1_500);
    const limited = createRateLimiter().middleware(callModel);
    const results = callMany(limited, 20, () => createRequest(localEndpoint));
    await waitUntil(() => results.length >= 8);
    expect(Math.max(...log.peaks.slice(12))).toBeLessThanOrEqual(2);
  });
});

describe("createRateLimiter: a slow endpoint with many slots", () => {
  it.each(["https://models.example/v1", localEndpoint])("reaches its maximum within few round trips: %s", async (endpoint) => {
    const { callModel, log } = createSlotServer(1_000, 50, () => 500);
    const results = callMany(createRateLimiter().middleware(callModel), 600, () => createRequest(endpoint));
    await waitUntil(() => results.length === 600);
    // Twelve round trips of ten seconds at 64 at once would take at least 94 s.
    expect(Math.max(...log.peaks)).toBe(64);
    expect(log.peaks.indexOf(64)).toBeLessThan(200);
  });
});
