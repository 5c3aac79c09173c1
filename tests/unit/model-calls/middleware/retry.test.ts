import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";

import { ModelCallError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { type RetryEvent, withRetry } from "../../../../src/model-calls/middleware/retry.js";
import type { ModelResponse } from "../../../../src/model-calls/model-call.js";
import { getRejection } from "../../../support/get-rejection.js";
import { createRequest } from "../../../support/model-requests.js";

const caller = { name: "depth", group: "reviewer" };
const response: ModelResponse = { text: "Because.", finishReason: "stop", usage: { inputTokens: 1, outputTokens: 1 }, model: "m" };
const request = createRequest("http://127.0.0.1:9/v1", { caller });

/** Creates a model whose calls fail with these errors in turn, then succeed. */
function createFailingModel(...errors: Error[]) {
  return vi.fn(async () => {
    const error = errors.shift();
    if (error) throw error;
    return response;
  });
}

function createRateLimitError(retryAfterMs?: number): AttemptError {
  return new AttemptError("model_rate_limited", "HTTP 429: slow down", { retryable: true, status: 429, retryAfterMs });
}

describe("withRetry", () => {
  it("waits exactly as long as the endpoint asks", async () => {
    const events: RetryEvent[] = [];
    const failing = createFailingModel(createRateLimitError(3), createRateLimitError(7));
    const callModel = withRetry(failing, { minDelayMs: 0, onRetry: (event) => events.push(event) });
    expect(await callModel(request, {})).toBe(response);
    expect(events).toMatchObject([
      { delayMs: 3, attempts: 1, code: "model_rate_limited", caller },
      { delayMs: 7, attempts: 2, code: "model_rate_limited", caller },
    ]);
  });

  it("chooses its own delays below a bound that doubles up to a maximum", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 }), async (minDelayMs, maxDelayMs) => {
        const delays: number[] = [];
        const failing = createFailingModel(createRateLimitError(), createRateLimitError(0), createRateLimitError());
        await withRetry(failing, { minDelayMs, maxDelayMs, onRetry: ({ delayMs }) => delays.push(delayMs) })(request, {});
        expect(delays).toHaveLength(3);
        delays.forEach((delayMs, index) => {
          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(Math.min(maxDelayMs, minDelayMs * 2 ** index));
        });
      }),
      { numRuns: 20 },
    );
  });

  it("fails after the last retry with an error that names caller, endpoint, reason, attempts and advice", async () => {
    const failing = createFailingModel(createRateLimitError(1), createRateLimitError(1), createRateLimitError(1));
    const error = await getRejection(withRetry(failing, { maxRetries: 2 })(request, {}));
    expect(failing).toHaveBeenCalledTimes(3);
    expect(error).toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject({
      code: "model_rate_limited",
      details: { caller, endpoint: "http://127.0.0.1:9/v1", model: "openai:test-model", status: 429, attempts: 3 },
      message:
        'The reviewer "depth" got no response from openai:test-model at http://127.0.0.1:9/v1 (3 attempts): HTTP 429: slow down. Lower the concurrency, or try again later.',
    });
  });

  it("does not wait for an endpoint that asks for more than ten minutes, and says so", async () => {
    const failing = createFailingModel(createRateLimitError(3_600_000));
    const error = await getRejection(withRetry(failing)(request, {}));
    expect(failing).toHaveBeenCalledOnce();
    expect(error).toMatchObject({
      code: "model_rate_limited",
      message: expect.stringContaining("It asks to wait 3600 s, longer than the maximum of 600 s. Lower the concurrency"),
    });
  });

  it("fails at once for an error that is not retryable", async () => {
    const failing = createFailingModel(new AttemptError("model_unauthorized", "HTTP 401", { retryable: false, status: 401 }));
    const error = await getRejection(withRetry(failing)(request, {}));
    expect(failing).toHaveBeenCalledOnce();
    expect(error).toMatchObject({ code: "model_unauthorized", message: expect.stringContaining("TEST_KEY") });
  });

  it.each([new TypeError("a bug"), new TypeError("fetch failed"), new Error("budget spent")])(
    "rethrows an error that is not an AttemptError unchanged: %s",
    async (error) => {
      const failing = createFailingModel(error);
      expect(await getRejection(withRetry(failing)(request, {}))).toBe(error);
      expect(failing).toHaveBeenCalledOnce();
    },
  );

  it("stops waiting at once when the signal aborts", async () => {
    const controller = new AbortController();
    const reason = new Error("cancelled by the user");
    const failing = createFailingModel(createRateLimitError(500_000));
    const callModel = withRetry(failing, { onRetry: () => queueMicrotask(() => controller.abort(reason)) });
    expect(await getRejection(callModel(request, { signal: controller.signal }))).toBe(reason);
    expect(failing).toHaveBeenCalledOnce();
  });

  it("makes no call if the signal is already aborted", async () => {
    const failing = createFailingModel();
    const reason = new Error("too late");
    expect(await getRejection(withRetry(failing)(request, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(failing).not.toHaveBeenCalled();
  });
});
