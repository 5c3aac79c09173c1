import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { InputError, ModelCallError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { BudgetError, type BudgetOptions, createBudget } from "../../../../src/model-calls/budget/budget.js";
import { createMemoryLedger } from "../../../../src/model-calls/budget/usage-ledger.js";
import { withRetry } from "../../../../src/model-calls/middleware/retry.js";
import { getMaxUsage } from "../../../../src/model-calls/budget/max-usage.js";
import type { ModelRequest, TokenUsage } from "../../../../src/model-calls/model-call.js";
import { drained, meteredModels } from "../../../support/metered-models.js";
import { requestTo, settingsFor } from "../../../support/model-requests.js";

const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 10 };

/** A request that tells itself apart from others, with a worst case of its own size. */
function requestOf(name: string, maxOutputTokens = 1000, model = "openai:m"): ModelRequest {
  return requestTo(null, { settings: settingsFor(null, { model, maxOutputTokens }), messages: [new HumanMessage(name)] });
}

function total({ inputTokens, outputTokens }: TokenUsage): number {
  return (inputTokens ?? 0) + (outputTokens ?? 0);
}

const half = (request: ModelRequest) => ({ inputTokens: 100, outputTokens: Math.floor(request.settings.maxOutputTokens / 2) });

function budgetOf(options: Omit<BudgetOptions, "ledger" | "prices"> & Partial<BudgetOptions>, toCallUsage = half) {
  const server = meteredModels(toCallUsage);
  const budget = createBudget({ prices: { "openai:m": price }, ledger: createMemoryLedger(), ...options });
  const access = budget.middleware(server.access);
  /** Names of the requests that went out and are open. */
  const open = () => server.open.map(({ request }) => request.messages[0]?.text);
  return { ...budget, server, access, open };
}

function toFailureRow(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error,
  );
}

describe("createBudget", () => {
  it("lets a call go out whose worst case just fits, and refuses one that is a token over", async () => {
    const worst = total(getMaxUsage(requestOf("a")));
    const roomy = budgetOf({ maxTokens: worst });
    const reply = roomy.access(requestOf("a"), {});
    await roomy.server.finishNext();
    expect((await reply).text).toBe("Yes.");

    const tight = budgetOf({ maxTokens: worst - 1 });
    const error = await toFailureRow(tight.access(requestOf("a"), {}));
    expect(error).toBeInstanceOf(BudgetError);
    expect(error).not.toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject({
      code: "budget_exhausted",
      details: { limit: "maxTokens", most: worst - 1, spent: 0, needed: worst, caller: { name: "candidate" }, model: "openai:m" },
    });
    expect(String(error)).toContain(`up to ${worst} tokens. Raise maxTokens and resume`);
    expect(tight.open()).toEqual([]);
  });

  it("charges what the endpoint counted, so that more calls fit than worst cases would", async () => {
    const worst = total(getMaxUsage(requestOf("a")));
    const { access, server, getUsage } = budgetOf({ maxTokens: worst + 600 });
    for (const name of ["a", "b"]) {
      const reply = access(requestOf(name), {});
      await server.finishNext();
      await reply;
    }
    expect(getUsage()).toEqual({
      calls: 2,
      inputTokens: 200,
      outputTokens: 1000,
      usd: (200 * 1 + 1000 * 10) / 1e6,
      unmeteredCalls: 0,
      unconfirmedCalls: 0,
      uncountedTokens: 0,
      uncountedUsd: 0,
      unpricedModels: [],
    });
    expect(await toFailureRow(access(requestOf("c"), {}))).toBeInstanceOf(BudgetError);
  });

  it("makes calls wait for those in flight, first come, first served", async () => {
    const worst = total(getMaxUsage(requestOf("a")));
    const { access, server, open } = budgetOf({ maxTokens: 2 * worst + 100 });
    const replies = [access(requestOf("a"), {}), access(requestOf("b"), {}), access(requestOf("c"), {}), access(requestOf("d", 1), {})];
    await drained();
    expect(open()).toEqual(["a", "b"]);
    // "a" took 600 of its worst case: no room for "c", and none for "d" either, small as it is, while "c" waits.
    await server.finishNext();
    expect(open()).toEqual(["b"]);
    await server.finishNext();
    expect(open()).toEqual(["c"]);
    await server.finishNext();
    expect(open()).toEqual(["d"]);
    await server.finishNext();
    await Promise.all(replies);
  });

  it("turns waiting calls away once what they waited for is spent, and lets smaller ones behind them in", async () => {
    const worst = total(getMaxUsage(requestOf("a")));
    const small = total(getMaxUsage(requestOf("c", 1)));
    const { access, server, open } = budgetOf({ maxTokens: worst + small });
    const [first, second, third] = [access(requestOf("a"), {}), access(requestOf("b"), {}), access(requestOf("c", 1), {})];
    const refused = toFailureRow(second);
    const lost = toFailureRow(first);
    await server.finishNext("timeout");
    expect(await refused).toBeInstanceOf(BudgetError);
    expect(String(await refused)).toContain(`(${worst} of them assumed`);
    expect(await lost).toBeInstanceOf(AttemptError);
    expect(open()).toEqual(["c"]);
    await server.finishNext();
    await third;
  });

  it("stops waiting when the signal fires, with its reason, and lets the next one in", async () => {
    const worst = total(getMaxUsage(requestOf("a")));
    const small = total(getMaxUsage(requestOf("c", 1)));
    const { access, server, open } = budgetOf({ maxTokens: worst + small });
    const first = access(requestOf("a"), {});
    const stop = new AbortController();
    const stopped = toFailureRow(access(requestOf("b"), { signal: stop.signal }));
    const third = access(requestOf("c", 1), {});
    await drained();
    expect(open()).toEqual(["a"]);
    stop.abort(new Error("enough"));
    expect(await stopped).toEqual(new Error("enough"));
    await drained();
    expect(open()).toEqual(["a", "c"]);
    expect(await toFailureRow(access(requestOf("d"), { signal: stop.signal }))).toEqual(new Error("enough"));
    while (server.open.length > 0) await server.finishNext();
    await Promise.all([first, third]);
    expect(open()).toEqual([]);
  });

  it("leaves those who wait alone when a call in flight is aborted, beyond charging it", async () => {
    const worst = total(getMaxUsage(requestOf("a")));
    const small = total(getMaxUsage(requestOf("c", 1)));
    const { access, server, open, getUsage } = budgetOf({ maxTokens: worst + small });
    const stop = new AbortController();
    const stopped = toFailureRow(access(requestOf("a"), { signal: stop.signal }));
    const refused = toFailureRow(access(requestOf("b"), {}));
    const third = access(requestOf("c", 1), {});
    await drained();
    stop.abort(new Error("enough"));
    expect(await stopped).toEqual(new Error("enough"));
    expect(await refused).toBeInstanceOf(BudgetError);
    expect(getUsage()).toMatchObject({ unconfirmedCalls: 1, uncountedTokens: worst });
    expect(open()).toEqual(["c"]);
    await server.finishNext();
    await third;
  });

  it("charges the worst case where the endpoint does not count, or counts nonsense", async () => {
    const worst = getMaxUsage(requestOf("a"));
    const usages: TokenUsage[] = [
      { inputTokens: null, outputTokens: null },
      { inputTokens: -5, outputTokens: 7 },
      { inputTokens: 3, outputTokens: NaN },
    ];
    const { middleware, getUsage } = createBudget({ prices: {}, ledger: createMemoryLedger() });
    for (const usage of usages) await middleware(async () => ({ text: "Yes.", finishReason: "stop", model: "m", usage }))(requestOf("a"), {});
    expect(getUsage()).toMatchObject({
      calls: 3,
      unmeteredCalls: 3,
      inputTokens: 3,
      outputTokens: 7,
      uncountedTokens: 2 * worst.inputTokens + 2 * worst.outputTokens,
      usd: null,
      uncountedUsd: null,
      unpricedModels: ["openai:m"],
    });
  });

  it("keeps what failed uncertainly charged, and gives back what was surely not charged", async () => {
    const worst = total(getMaxUsage(requestOf("a")));
    const { access, server, getUsage } = budgetOf({ maxTokens: 10 * worst });
    for (const [outcome, unconfirmedCalls] of [
      ["busy", 0],
      ["refused connection", 0],
      ["timeout", 1],
    ] as const) {
      const failure = toFailureRow(access(requestOf("a"), {}));
      await server.finishNext(outcome);
      expect(await failure).toBeInstanceOf(AttemptError);
      expect(getUsage()).toMatchObject({ calls: 0, unconfirmedCalls, uncountedTokens: unconfirmedCalls * worst });
    }
  });

  it("keeps within dollars, cached input at its own price", async () => {
    const worst = getMaxUsage(requestOf("a"));
    const usd = (worst.inputTokens * 1 + worst.outputTokens * 10) / 1e6;
    const prices = { "openai:m": { ...price, cachedInputUsdPerMillion: 0.1 } };
    expect(await toFailureRow(budgetOf({ maxUsd: usd * 0.999, prices }).access(requestOf("a"), {}))).toMatchObject({
      code: "budget_exhausted",
      details: { limit: "maxUsd" },
    });
    const { access, server, getUsage } = budgetOf({ maxUsd: usd * 1.001, prices }, () => ({
      inputTokens: 100,
      outputTokens: 10,
      cachedInputTokens: 80,
    }));
    const reply = access(requestOf("a"), {});
    await server.finishNext();
    await reply;
    expect(getUsage().usd).toBeCloseTo((20 * 1 + 80 * 0.1 + 10 * 10) / 1e6, 15);
  });

  it("refuses a limit in dollars where a price is missing, in this run or an earlier one; offline is free", async () => {
    const { access, server } = budgetOf({ maxUsd: 1 });
    const error = await toFailureRow(access(requestOf("a", 10, "openai:unknown"), {}));
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toContain('"openai:unknown"');
    expect(error).toMatchObject({ details: { field: 'prices["openai:unknown"]' } });

    const ledger = createMemoryLedger();
    const earlier = createBudget({ prices: {}, ledger });
    await earlier.middleware(async () => ({ text: "", finishReason: "stop", model: "m", usage: { inputTokens: 1, outputTokens: 1 } }))(
      requestOf("a"),
      {},
    );
    expect(() => createBudget({ prices: {}, ledger, maxUsd: 1 })).toThrow(InputError);

    const free = access(requestOf("a", 1_000_000, "offline"), {});
    await server.finishNext();
    expect((await free).text).toBe("Yes.");
  });

  it.each([0, -1, NaN, Infinity])("refuses %d as a limit", (limit) => {
    expect(() => createBudget({ prices: {}, ledger: createMemoryLedger(), maxTokens: limit })).toThrow(/`maxTokens` must be a number above 0/);
    expect(() => createBudget({ prices: {}, ledger: createMemoryLedger(), maxUsd: limit })).toThrow(/`maxUsd` must be a number above 0/);
  });

  it("passes through the retry layer, which neither repeats nor renames it", async () => {
    const { access, server } = budgetOf({ maxTokens: total(getMaxUsage(requestOf("a"))) });
    const retrying = withRetry(access, { minDelayMs: 0, maxDelayMs: 0 });
    const failure = toFailureRow(retrying(requestOf("a"), {}));
    await drained();
    await server.finishNext("timeout");
    expect(await failure).toBeInstanceOf(BudgetError);
  });
});
