import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ModelCallError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { type RetryEvent, withRetry } from "../../../../src/model-calls/middleware/retry.js";
import type { CallModel, ModelResponse } from "../../../../src/model-calls/model-call.js";
import { requestTo } from "../../../support/model-requests.js";

const reply: ModelResponse = { text: "Because.", finishReason: "stop", usage: { inputTokens: 1, outputTokens: 1 }, model: "m" };
const request = requestTo("http://127.0.0.1:9/v1", { caller: { name: "depth", group: "reviewer" } });

/** Fails with these errors in turn, then answers. */
function failing(...errors: Error[]) {
  const access: CallModel & { calls?: number } = async () => {
    access.calls = (access.calls ?? 0) + 1;
    const error = errors.shift();
    if (error) throw error;
    return reply;
  };
  return access;
}

const busy = (retryAfterMs?: number) => new AttemptError("model_rate_limited", "HTTP 429: slow down", { retryable: true, status: 429, retryAfterMs });

async function toFailureRow(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error,
  );
}

describe("withRetry", () => {
  it("waits exactly as long as the endpoint asks", async () => {
    const notices: RetryEvent[] = [];
    const access = withRetry(failing(busy(3), busy(7)), { minDelayMs: 0, onRetry: (notice) => notices.push(notice) });
    expect(await access(request, {})).toBe(reply);
    expect(notices.map(({ delayMs, attempts, code, role, reviewer }) => ({ delayMs, attempts, code, role, reviewer }))).toEqual([
      { delayMs: 3, attempts: 1, code: "model_rate_limited", caller: { name: "depth", group: "reviewer" } },
      { delayMs: 7, attempts: 2, code: "model_rate_limited", caller: { name: "depth", group: "reviewer" } },
    ]);
  });

  it("chooses its own waits below a bound that doubles and is capped", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 }), async (minDelayMs, maxDelayMs) => {
        const delays: number[] = [];
        const access = withRetry(failing(busy(), busy(0), busy()), { minDelayMs, maxDelayMs, onRetry: ({ delayMs }) => delays.push(delayMs) });
        await access(request, {});
        expect(delays).toHaveLength(3);
        delays.forEach((delayMs, index) => {
          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(Math.min(maxDelayMs, minDelayMs * 2 ** index));
        });
      }),
      { numRuns: 20 },
    );
  });

  it("gives up after the last retry with an error that says who, where, what, how often and what to do", async () => {
    const access = failing(busy(1), busy(1), busy(1));
    const error = await toFailureRow(withRetry(access, { maxRetries: 2 })(request, {}));
    expect(access.calls).toBe(3);
    expect(error).toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject({
      code: "model_rate_limited",
      details: { role: "reviewer", endpoint: "http://127.0.0.1:9/v1", model: "openai:test-model", status: 429, attempts: 3 },
      message:
        'The reviewer "depth" got no reply from openai:test-model at http://127.0.0.1:9/v1 (3 attempts): HTTP 429: slow down. Lower the concurrency, or try again later.',
    });
  });

  it("does not wait for an endpoint that asks for more than ten minutes, and says so", async () => {
    const access = failing(busy(3_600_000));
    const error = await toFailureRow(withRetry(access)(request, {}));
    expect(access.calls).toBe(1);
    expect(error).toMatchObject({ code: "model_rate_limited", message: expect.stringContaining("It asks to wait 3600 s, longer than the 600 s") });
  });

  it("fails at once where trying again is of no use", async () => {
    const access = failing(new AttemptError("model_unauthorized", "HTTP 401", { retryable: false, status: 401 }));
    const error = await toFailureRow(withRetry(access)(request, {}));
    expect(access.calls).toBe(1);
    expect(error).toMatchObject({ code: "model_unauthorized", message: expect.stringContaining("TEST_KEY") });
  });

  it.each([new TypeError("a bug"), new TypeError("fetch failed"), new Error("budget spent")])(
    "lets other errors pass as they are: %s",
    async (error) => {
      const access = failing(error);
      expect(await toFailureRow(withRetry(access)(request, {}))).toBe(error);
      expect(access.calls).toBe(1);
    },
  );

  it("ends at once when it is aborted while waiting", async () => {
    const controller = new AbortController();
    const reason = new Error("the user has seen enough");
    const access = failing(busy(500_000));
    const call = withRetry(access, { onRetry: () => queueMicrotask(() => controller.abort(reason)) })(request, { signal: controller.signal });
    expect(await toFailureRow(call)).toBe(reason);
    expect(access.calls).toBe(1);
  });

  it("does not begin when it is aborted already", async () => {
    const access = failing();
    const reason = new Error("too late");
    expect(await toFailureRow(withRetry(access)(request, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(access.calls).toBeUndefined();
  });
});
