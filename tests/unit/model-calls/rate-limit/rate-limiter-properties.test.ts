import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { ReviewInstructError } from "../../../../src/errors.js";
import { createRateLimiter } from "../../../../src/model-calls/rate-limit/rate-limiter.js";
import type { CallModel } from "../../../../src/model-calls/model-call.js";
import { pass } from "../../../support/rate-limited-calls.js";
import { requestTo } from "../../../support/model-requests.js";
import { type SimulatedCall, badRequest, refused, simulateEndpoint, timedOut, unavailable } from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const bug = () => new TypeError("a fault of our own");
const faults = [
  badRequest,
  bug,
  timedOut,
  () => refused(),
  () => refused(4_000),
  () => refused(100_000),
  () => unavailable(500),
  () => unavailable(503),
];
/** Null three times out of four. */
const sometimes = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
const behaviour = fc.record({
  fault: sometimes(fc.constantFrom(...faults)),
  latencyMs: fc.constantFrom(0, 1, 50, 700, 9_000),
});
const call = fc.record({
  startAfter: fc.integer({ min: 0, max: 20_000 }),
  abortAfter: sometimes(fc.integer({ min: 0, max: 30_000 })),
  lane: fc.constantFrom(0, 1),
});
const options = fc.record({
  initialConcurrency: fc.integer({ min: 1, max: 10 }),
  maxConcurrency: fc.integer({ min: 1, max: 16 }),
  rpm: fc.option(fc.integer({ min: 20, max: 200 }), { nil: undefined }),
  tpm: fc.option(fc.integer({ min: 500, max: 5_000 }), { nil: undefined }),
  failures: fc.integer({ min: 1, max: 6 }),
  giveUpAfterMs: fc.constantFrom(1, 20_000, 600_000),
  maxPauseMs: fc.constantFrom(50_000, 600_000),
});
const closeAfter = sometimes(fc.integer({ min: 0, max: 40_000 }));

/** One call, and what became of it. */
class Fate {
  readonly controller = new AbortController();
  readonly outcomes: { readonly text?: string; readonly error?: unknown; readonly attempts: number }[] = [];
  readonly thrown: Error[] = [];
  attempts = 0;

  constructor(
    readonly index: number,
    readonly plan: { readonly startAfter: number; readonly abortAfter: number | null; readonly lane: number },
  ) {}

  start(access: CallModel): void {
    const { startAfter, abortAfter, lane } = this.plan;
    const request = requestTo(`http://127.0.0.1:${lane}/v1`, { reviewer: String(this.index) });
    setTimeout(() => {
      if (abortAfter !== null) setTimeout(() => this.controller.abort(new Error(`abort ${this.index}`)), abortAfter);
      access(request, { signal: this.controller.signal }).then(
        ({ text }) => this.outcomes.push({ text, attempts: this.attempts }),
        (error: unknown) => this.outcomes.push({ error, attempts: this.attempts }),
      );
    }, startAfter);
  }

  /** What is wrong with how it ended; null if nothing is. */
  complaint(gateWasClosed: boolean): string | null {
    const [outcome, ...more] = this.outcomes;
    if (!outcome || more.length > 0) return `call ${this.index} was settled ${this.outcomes.length} times`;
    const { text, error, attempts } = outcome;
    if (attempts !== this.attempts) return `call ${this.index} was made again after it was settled`;
    if (text !== undefined) return text === `reply to ${this.index}` ? null : `call ${this.index} got "${text}"`;
    const ownFailures = [this.thrown.at(-1), this.controller.signal.aborted && this.controller.signal.reason];
    const code = error instanceof ReviewInstructError ? error.code : null;
    const known = ownFailures.includes(error) || code === "endpoint_unavailable" || (gateWasClosed && code === "rate_limiter_closed");
    return known ? null : `call ${this.index} failed with ${String(error)}`;
  }
}

const runs = fc.record({
  script: fc.array(behaviour, { maxLength: 80, size: "max" }),
  plans: fc.array(call, { maxLength: 40, size: "max" }),
  options,
  closeAfter,
});

it("settles every call exactly once and with its own outcome, within its limits, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(runs, async ({ script, plans, options: { rpm, ...others }, closeAfter: closing }) => {
      const gate = createRateLimiter({ rpm, ...others });
      const fates = plans.map((plan, index) => new Fate(index, plan));
      const behave = ({ request, index }: SimulatedCall) => {
        const { fault, latencyMs } = script[index] ?? { fault: null, latencyMs: 10 };
        const error = fault?.();
        const fate = fates[Number(request.reviewer)];
        if (fate) fate.attempts++;
        if (error) fate?.thrown.push(error);
        return { error, latencyMs, text: `reply to ${request.reviewer}` };
      };
      const endpoints = [simulateEndpoint(behave), simulateEndpoint(behave)];
      for (const [lane, { access }] of endpoints.entries()) {
        for (const fate of fates) if (fate.plan.lane === lane) fate.start(gate.middleware(access));
      }
      if (closing !== null) setTimeout(() => gate.close(), closing);
      await pass(3_600_000);

      expect(fates.map((fate) => fate.complaint(closing !== null)).filter((complaint) => complaint !== null)).toEqual([]);
      for (const { log } of endpoints) {
        expect(log.peak).toBeLessThanOrEqual(others.maxConcurrency + 1);
        for (const { at } of log.calls) {
          expect(log.calls.filter((other) => other.at >= at && other.at <= at + 60_000).length).toBeLessThanOrEqual(rpm ?? Infinity);
        }
      }
      for (const lane of gate.getStatus()) expect(lane).toMatchObject({ active: 0, queued: 0 });
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: 200 },
  );
});
