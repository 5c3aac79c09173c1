import { HumanMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Budget, BudgetError, createBudget } from "../../../../src/model-calls/budget/budget.js";
import { type UsageLedger, createUsageLedger } from "../../../../src/model-calls/budget/usage-ledger.js";
import { type PriceTable, totalCost } from "../../../../src/model-calls/budget/prices.js";
import { getMaxUsage } from "../../../../src/model-calls/budget/max-usage.js";
import type { ModelRequest } from "../../../../src/model-calls/model-call.js";
import { type Outcome, drained, meteredModels, outcomes } from "../../../support/metered-models.js";
import { requestTo, settingsFor } from "../../../support/model-requests.js";

const prices: PriceTable = {
  "openai:a": { inputUsdPerMillion: 3, outputUsdPerMillion: 15 },
  "openai:b": { inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6 },
};
const models = Object.keys(prices);

/** What may happen in the life of an output folder. Numbers are cut down to what is there to choose from. */
type Step =
  | { readonly do: "start"; readonly model: string; readonly text: string; readonly maxOutputTokens: number; readonly share: number }
  | { readonly do: "finish"; readonly which: number; readonly outcome: Outcome }
  | { readonly do: "abort"; readonly which: number }
  | { readonly do: "second" }
  | { readonly do: "kill" }
  /** Dies in the middle of writing a line. */
  | { readonly do: "die writing"; readonly share: number }
  /** A line is written in part or whole, but not synced: the disk fails, and the process lives on. */
  | { readonly do: "fail writing"; readonly share: number }
  | { readonly do: "close" };

const which = fc.nat(1000);
/** Mostly all, so that a story comes close to its limits. */
const share = fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true }));
const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("start" as const),
        model: fc.constantFrom(...models),
        text: fc.string({ unit: "grapheme", maxLength: 40 }),
        maxOutputTokens: fc.integer({ min: 1, max: 400 }),
        share,
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("finish" as const), which, outcome: fc.constantFrom(...outcomes) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("abort" as const), which }) },
    { weight: 1, arbitrary: fc.constant({ do: "second" as const }) },
    { weight: 1, arbitrary: fc.constant({ do: "kill" as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("die writing" as const), share }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("fail writing" as const), share }) },
    { weight: 1, arbitrary: fc.constant({ do: "close" as const }) },
  ),
  { minLength: 20, maxLength: 200, size: "max" },
);

/** How much of the next line reaches the file before it fails, and whether the process dies of that. */
interface WriteFault {
  readonly share: number;
  readonly dies: boolean;
}

interface Process {
  readonly ledger: UsageLedger;
  readonly budget: Budget;
  readonly aborts: AbortController[];
  alive: boolean;
  fault: WriteFault | null;
  pending: number;
}

/** An output folder, the processes that come and go over it, and the server that they all talk to. */
class World {
  readonly #shares = new Map<ModelRequest, number>();
  readonly server = meteredModels((request) => {
    const worst = getMaxUsage(request);
    const part = this.#shares.get(request) ?? 1;
    return { inputTokens: Math.floor(part * worst.inputTokens), outputTokens: Math.floor(part * worst.outputTokens) };
  });
  readonly outcomes: string[] = [];
  #file = "";
  #process: Process;

  constructor(readonly limits: { readonly maxTokens: number | null; readonly maxUsd: number | null }) {
    this.#process = this.#boot();
  }

  async take(step: Step): Promise<void> {
    const { ledger, aborts } = this.#process;
    const { open } = this.server;
    if (step.do === "start") this.#start(step);
    if (step.do === "finish") open[step.which % open.length]?.finish(step.outcome);
    if (step.do === "abort") aborts[step.which % aborts.length]?.abort(new Error("stopped"));
    if (step.do === "second") vi.advanceTimersByTime(1000);
    if (step.do === "die writing") this.#process.fault = { share: step.share, dies: true };
    if (step.do === "fail writing") this.#process.fault = { share: step.share, dies: false };
    if (step.do === "kill") this.#die();
    if (step.do === "close") {
      if (this.#process.fault === null) ledger.close();
      this.#die();
    }
    await drained();
    if (!this.#process.alive) this.#process = this.#boot();
  }

  /** What the server has counted, and may yet count for the calls that are open. */
  mostCounted(): { tokens: number; usd: number } {
    const counted = this.server.mostCounted();
    const tokens = counted.reduce((sum, { usage }) => sum + usage.inputTokens + usage.outputTokens, 0);
    const cost = totalCost(
      counted.map(({ model, usage }) => [model, usage]),
      prices,
    );
    return { tokens, usd: cost.usd ?? NaN };
  }

  /** Lets everything that is open come to its end; returns how many callers still wait. Nobody waits in a process that died on the way. */
  async end(): Promise<number> {
    while (this.server.open.length > 0) await this.server.finishNext();
    return this.#process.alive ? this.#process.pending : 0;
  }

  /** Reads and writes the file as the real storage does: only whole lines count, and a line that failed is written over. */
  #boot(): Process {
    let length = this.#file.lastIndexOf("\n") + 1;
    const started = { alive: true, fault: null as WriteFault | null, pending: 0, aborts: [] as AbortController[] };
    const ledger = createUsageLedger(this.#file.slice(0, length), {
      append: (line) => {
        if (!started.alive) throw new Error("dead");
        const { fault } = started;
        started.fault = null;
        const written = fault ? line.slice(0, Math.floor(fault.share * (line.length + 1))) : line;
        this.#file = this.#file.slice(0, length) + written;
        if (fault?.dies) this.#die();
        if (fault) throw new Error("EIO: i/o error");
        length = this.#file.length;
      },
      close: () => undefined,
    });
    return Object.assign(started, { ledger, budget: createBudget({ ...this.limits, prices, ledger }) });
  }

  #die(): void {
    this.#process.alive = false;
    this.server.abandon();
  }

  #start({ model, text, maxOutputTokens, share: part }: Extract<Step, { do: "start" }>): void {
    const process = this.#process;
    const abort = new AbortController();
    process.aborts.push(abort);
    const request = requestTo(null, { settings: settingsFor(null, { model, maxOutputTokens }), messages: [new HumanMessage(text)] });
    this.#shares.set(request, part);
    process.pending++;
    const call = process.budget.middleware(this.server.access)(request, { signal: abort.signal });
    call
      .then(
        () => this.outcomes.push("replied"),
        (error: unknown) => this.outcomes.push(error instanceof BudgetError ? "refused" : "failed"),
      )
      .finally(() => process.pending--);
  }
}

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => vi.useRealTimers());

/** A story that fails takes a while to be cut down to what matters. */
const shrinkingMs = 300_000;

describe("a budget over a ledger", { timeout: shrinkingMs }, () => {
  it("never lets endpoints count more than the limits, over failures, aborts, restarts, kills and torn lines", async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.option(fc.integer({ min: 100, max: 20_000 }), { nil: null }),
        fc.option(fc.double({ min: 0.0005, max: 0.05, noNaN: true }), { nil: null }),
        async (story, maxTokens, maxUsd) => {
          const world = new World({ maxTokens, maxUsd });
          let peak = { tokens: 0, usd: 0 };
          for (const step of story) {
            await world.take(step);
            const counted = world.mostCounted();
            peak = { tokens: Math.max(peak.tokens, counted.tokens), usd: Math.max(peak.usd, counted.usd) };
          }
          expect(peak.tokens).toBeLessThanOrEqual(maxTokens ?? Infinity);
          expect(peak.usd).toBeLessThanOrEqual((maxUsd ?? Infinity) + 1e-12);
          expect(await world.end()).toBe(0);
          for (const outcome of world.outcomes) seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        },
      ),
      { numRuns: 200 },
    );
    // The stories are worth something only if calls came through as well as being turned away.
    expect(seen.get("replied")).toBeGreaterThan(200);
    expect(seen.get("refused")).toBeGreaterThan(200);
  });
});
