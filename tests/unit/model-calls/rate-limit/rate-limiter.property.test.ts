import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { ReviewInstructError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import type { CallModel } from "../../../../src/model-calls/model-call.js";
import { createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import { createRequest } from "../../../support/model-requests.js";
import { advanceTime } from "../../../support/rate-limited-calls.js";
import {
  type SimulatedCall,
  createBadRequestError,
  createRateLimitError,
  createSimulatedEndpoint,
  createTimeoutError,
  createUnavailableError,
} from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const createErrors = [
  createBadRequestError,
  () => new TypeError("a bug"),
  createTimeoutError,
  () => createRateLimitError(),
  () => createRateLimitError(4_000),
  () => createRateLimitError(100_000),
  () => createUnavailableError(500),
  () => createUnavailableError(503),
];
/** Null three times out of four. */
const sometimes = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
const attemptPlan = fc.record({
  createError: sometimes(fc.constantFrom(...createErrors)),
  latencyMs: fc.constantFrom(0, 1, 50, 700, 9_000),
});
const callPlan = fc.record({
  startAfter: fc.integer({ min: 0, max: 20_000 }),
  abortAfter: sometimes(fc.integer({ min: 0, max: 30_000 })),
  endpointIndex: fc.constantFrom(0, 1),
});
const options = fc.record({
  initialConcurrency: fc.integer({ min: 1, max: 10 }),
  maxConcurrency: fc.integer({ min: 1, max: 16 }),
  rpm: fc.option(fc.integer({ min: 20, max: 200 }), { nil: undefined }),
  tpm: fc.option(fc.integer({ min: 500, max: 5_000 }), { nil: undefined }),
  failureThreshold: fc.integer({ min: 1, max: 6 }),
  giveUpAfterMs: fc.constantFrom(1, 20_000, 600_000),
  maxPauseMs: fc.constantFrom(50_000, 600_000),
});
const closeAfter = sometimes(fc.integer({ min: 0, max: 40_000 }));

/** One call and its results. */
class ObservedCall {
  readonly controller = new AbortController();
  readonly results: { readonly text?: string; readonly error?: unknown; readonly attempts: number }[] = [];
  readonly thrownErrors: Error[] = [];
  attempts = 0;

  constructor(
    readonly index: number,
    readonly plan: { readonly startAfter: number; readonly abortAfter: number | null; readonly endpointIndex: number },
  ) {}

  start(callModel: CallModel): void {
    const { startAfter, abortAfter, endpointIndex } = this.plan;
    const request = createRequest(`http://127.0.0.1:${endpointIndex}/v1`, { caller: { name: String(this.index) } });
    setTimeout(() => {
      if (abortAfter !== null) setTimeout(() => this.controller.abort(new Error(`abort ${this.index}`)), abortAfter);
      callModel(request, { signal: this.controller.signal }).then(
        ({ text }) => this.results.push({ text, attempts: this.attempts }),
        (error: unknown) => this.results.push({ error, attempts: this.attempts }),
      );
    }, startAfter);
  }

  /** Returns what is wrong with the call's results, or null. */
  findProblem(wasClosed: boolean): string | null {
    const [result, ...others] = this.results;
    if (!result || others.length > 0) return `call ${this.index} was settled ${this.results.length} times`;
    const { text, error, attempts } = result;
    if (attempts !== this.attempts) return `call ${this.index} was sent again after it was settled`;
    if (text !== undefined) return text === `response ${this.index}` ? null : `call ${this.index} got "${text}"`;
    const ownErrors = [this.thrownErrors.at(-1), this.controller.signal.aborted && this.controller.signal.reason];
    const code = error instanceof ReviewInstructError ? error.code : null;
    // An error that is the call's own fault is thrown again as one that no retry ends.
    const isOwnFault = error instanceof AttemptError && !error.details.retryable && error.message === this.thrownErrors.at(-1)?.message;
    const isExpected = ownErrors.includes(error) || isOwnFault || code === "endpoint_unavailable" || (wasClosed && code === "rate_limiter_closed");
    return isExpected ? null : `call ${this.index} failed with ${String(error)}`;
  }
}

const runs = fc.record({
  attemptPlans: fc.array(attemptPlan, { maxLength: 80, size: "max" }),
  callPlans: fc.array(callPlan, { maxLength: 40, size: "max" }),
  options,
  closeAfter,
});

it("createRateLimiter settles every call exactly once, with its own result and within the limits", async () => {
  await fc.assert(
    fc.asyncProperty(runs, async ({ attemptPlans, callPlans, options: { rpm, ...others }, closeAfter: closeAfterMs }) => {
      const rateLimiter = createRateLimiter({ rpm, ...others });
      const calls = callPlans.map((plan, index) => new ObservedCall(index, plan));
      const getResult = ({ request, index }: SimulatedCall) => {
        const { createError, latencyMs } = attemptPlans[index] ?? { createError: null, latencyMs: 10 };
        const error = createError?.();
        const call = calls[Number(request.caller.name)];
        if (call) call.attempts++;
        if (error) call?.thrownErrors.push(error);
        return { error, latencyMs, text: `response ${request.caller.name}` };
      };
      const endpoints = [createSimulatedEndpoint(getResult), createSimulatedEndpoint(getResult)];
      for (const [index, { callModel }] of endpoints.entries()) {
        for (const call of calls) if (call.plan.endpointIndex === index) call.start(rateLimiter.middleware(callModel));
      }
      if (closeAfterMs !== null) setTimeout(() => rateLimiter.close(), closeAfterMs);
      await advanceTime(3_600_000);

      expect(calls.map((call) => call.findProblem(closeAfterMs !== null)).filter((problem) => problem !== null)).toEqual([]);
      for (const { log } of endpoints) {
        expect(log.peak).toBeLessThanOrEqual(others.maxConcurrency + 1);
        for (const { at } of log.calls) {
          expect(log.calls.filter((other) => other.at >= at && other.at <= at + 60_000).length).toBeLessThanOrEqual(rpm ?? Infinity);
        }
      }
      for (const status of rateLimiter.getStatus()) expect(status).toMatchObject({ active: 0, queued: 0 });
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: 200 },
  );
});
