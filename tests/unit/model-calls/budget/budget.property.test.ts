import { HumanMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { BudgetError } from "../../../../src/model-calls/budget/budget-error.js";
import { type Budget, createBudget } from "../../../../src/model-calls/budget/budget.js";
import { getMaxUsage } from "../../../../src/model-calls/budget/max-usage.js";
import { type PriceTable, sumCosts } from "../../../../src/model-calls/budget/prices.js";
import { type UsageLedger, createUsageLedger } from "../../../../src/model-calls/budget/usage-ledger.js";
import type { ModelRequest } from "../../../../src/model-calls/model-call.js";
import { type CallEnding, callEndings, createMeteredModels, settlePromises } from "../../../support/metered-models.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";

const prices: PriceTable = {
  "openai:a": { inputUsdPerMillion: 3, outputUsdPerMillion: 15 },
  "openai:b": { inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6 },
};
const models = Object.keys(prices);

/** An event in the life of an output folder. An `index` is taken modulo the number of choices. */
type Step =
  | { readonly do: "start"; readonly model: string; readonly text: string; readonly maxOutputTokens: number; readonly share: number }
  | { readonly do: "finish"; readonly index: number; readonly ending: CallEnding }
  | { readonly do: "abort"; readonly index: number }
  | { readonly do: "wait a second" }
  | { readonly do: "kill" }
  /** The next line is written in part or completely, and the process is killed. */
  | { readonly do: "kill during write"; readonly share: number }
  /** The next line is written in part or completely but not synced: the disk fails, and the process continues. */
  | { readonly do: "fail write"; readonly share: number }
  | { readonly do: "close" };

const index = fc.nat(1000);
/** Share of the maximum usage that the server counts. Mostly all of it, so that runs come close to their limits. */
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
    { weight: 8, arbitrary: fc.record({ do: fc.constant("finish" as const), index, ending: fc.constantFrom(...callEndings) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("abort" as const), index }) },
    { weight: 1, arbitrary: fc.constant({ do: "wait a second" as const }) },
    { weight: 1, arbitrary: fc.constant({ do: "kill" as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("kill during write" as const), share }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("fail write" as const), share }) },
    { weight: 1, arbitrary: fc.constant({ do: "close" as const }) },
  ),
  { minLength: 20, maxLength: 200, size: "max" },
);

interface WriteFailure {
  /** Share of the line that reaches the file. */
  readonly share: number;
  /** True if the process is killed. */
  readonly kills: boolean;
}

interface SimulatedProcess {
  readonly ledger: UsageLedger;
  readonly budget: Budget;
  readonly controllers: AbortController[];
  isAlive: boolean;
  writeFailure: WriteFailure | null;
  pending: number;
}

/** An output folder, the processes that use it one after the other, and the server that they call. */
class Simulation {
  readonly #shares = new Map<ModelRequest, number>();
  readonly server = createMeteredModels((request) => {
    const { inputTokens, outputTokens } = getMaxUsage(request);
    const usedShare = this.#shares.get(request) ?? 1;
    return { inputTokens: Math.floor(usedShare * inputTokens), outputTokens: Math.floor(usedShare * outputTokens) };
  });
  readonly results: ("responded" | "rejected" | "failed")[] = [];
  #fileContent = "";
  #process: SimulatedProcess;

  constructor(readonly limits: { readonly maxTokens: number | null; readonly maxUsd: number | null }) {
    this.#process = this.#startProcess();
  }

  async run(step: Step): Promise<void> {
    const { ledger, controllers } = this.#process;
    const { openCalls } = this.server;
    if (step.do === "start") this.#startCall(step);
    if (step.do === "finish") openCalls[step.index % openCalls.length]?.finish(step.ending);
    if (step.do === "abort") controllers[step.index % controllers.length]?.abort(new Error("stopped"));
    if (step.do === "wait a second") vi.advanceTimersByTime(1000);
    if (step.do === "kill during write") this.#process.writeFailure = { share: step.share, kills: true };
    if (step.do === "fail write") this.#process.writeFailure = { share: step.share, kills: false };
    if (step.do === "kill") this.#killProcess();
    if (step.do === "close") {
      if (this.#process.writeFailure === null) ledger.close();
      this.#killProcess();
    }
    await settlePromises();
    if (!this.#process.isAlive) this.#process = this.#startProcess();
  }

  /** Returns what the server counted, and what it may still count for the open calls. */
  getMaxCounted(): { tokens: number; usd: number } {
    const counted = this.server.getMaxCounted();
    const tokens = counted.reduce((sum, { usage }) => sum + usage.inputTokens + usage.outputTokens, 0);
    const cost = sumCosts(
      counted.map(({ model, usage }) => [model, usage]),
      prices,
    );
    return { tokens, usd: cost.usd ?? NaN };
  }

  /** Finishes every open call. Returns how many callers still wait; a killed process has none. */
  async finish(): Promise<number> {
    while (this.server.openCalls.length > 0) await this.server.finishNext();
    return this.#process.isAlive ? this.#process.pending : 0;
  }

  /** Uses the file as the real storage does: only complete lines count, and a failed line is overwritten. */
  #startProcess(): SimulatedProcess {
    let length = this.#fileContent.lastIndexOf("\n") + 1;
    const state: Pick<SimulatedProcess, "isAlive" | "writeFailure" | "pending" | "controllers"> = {
      isAlive: true,
      writeFailure: null,
      pending: 0,
      controllers: [],
    };
    const ledger = createUsageLedger(this.#fileContent.slice(0, length), {
      append: (line) => {
        if (!state.isAlive) throw new Error("the process was killed");
        const { writeFailure } = state;
        state.writeFailure = null;
        const written = writeFailure ? line.slice(0, Math.floor(writeFailure.share * (line.length + 1))) : line;
        this.#fileContent = this.#fileContent.slice(0, length) + written;
        if (writeFailure?.kills) this.#killProcess();
        if (writeFailure) throw new Error("EIO: i/o error");
        length = this.#fileContent.length;
      },
      close: () => undefined,
    });
    return Object.assign(state, { ledger, budget: createBudget({ ...this.limits, prices, ledger }) });
  }

  #killProcess(): void {
    this.#process.isAlive = false;
    this.server.killClient();
  }

  #startCall({ model, text, maxOutputTokens, share: usedShare }: Extract<Step, { do: "start" }>): void {
    const process = this.#process;
    const controller = new AbortController();
    process.controllers.push(controller);
    const request = createRequest(null, { settings: createModelSettings(null, { model, maxOutputTokens }), messages: [new HumanMessage(text)] });
    this.#shares.set(request, usedShare);
    process.pending++;
    const call = process.budget.middleware(this.server.callModel)(request, { signal: controller.signal });
    call
      .then(
        () => this.results.push("responded"),
        (error: unknown) => this.results.push(error instanceof BudgetError ? "rejected" : "failed"),
      )
      .finally(() => process.pending--);
  }
}

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => vi.useRealTimers());

/** A failing run takes a while to shrink. */
const timeout = 300_000;

describe("createBudget with a stored ledger", { timeout }, () => {
  it("keeps what endpoints count within the limits, over failures, aborts, restarts, kills and incomplete lines", async () => {
    const resultCounts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.option(fc.integer({ min: 100, max: 20_000 }), { nil: null }),
        fc.option(fc.double({ min: 0.0005, max: 0.05, noNaN: true }), { nil: null }),
        async (run, maxTokens, maxUsd) => {
          const simulation = new Simulation({ maxTokens, maxUsd });
          let peak = { tokens: 0, usd: 0 };
          for (const step of run) {
            await simulation.run(step);
            const counted = simulation.getMaxCounted();
            peak = { tokens: Math.max(peak.tokens, counted.tokens), usd: Math.max(peak.usd, counted.usd) };
          }
          expect(peak.tokens).toBeLessThanOrEqual(maxTokens ?? Infinity);
          expect(peak.usd).toBeLessThanOrEqual((maxUsd ?? Infinity) + 1e-12);
          expect(await simulation.finish()).toBe(0);
          for (const result of simulation.results) resultCounts.set(result, (resultCounts.get(result) ?? 0) + 1);
        },
      ),
      { numRuns: 200 },
    );
    // The runs test something only if many calls succeed and many are rejected.
    expect(resultCounts.get("responded")).toBeGreaterThan(200);
    expect(resultCounts.get("rejected")).toBeGreaterThan(200);
  });
});
