import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { InputError, ModelCallError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { BudgetError } from "../../../../src/model-calls/budget/budget-error.js";
import { type BudgetOptions, createBudget } from "../../../../src/model-calls/budget/budget.js";
import { getMaxUsage } from "../../../../src/model-calls/budget/max-usage.js";
import { createMemoryLedger } from "../../../../src/model-calls/budget/usage-ledger.js";
import { withRetry } from "../../../../src/model-calls/middleware/retry.js";
import type { ModelRequest, TokenUsage } from "../../../../src/model-calls/model-call.js";
import { getRejection } from "../../../support/get-rejection.js";
import { createMeteredModels, settlePromises } from "../../../support/metered-models.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";

const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 10 };

/** Creates a request whose name is its text. */
function createNamedRequest(name: string, maxOutputTokens = 1000, model = "openai:m"): ModelRequest {
  return createRequest(null, { settings: createModelSettings(null, { model, maxOutputTokens }), messages: [new HumanMessage(name)] });
}

/** Returns the maximum number of tokens that a request can use. */
function getMaxTokens(request: ModelRequest): number {
  const { inputTokens, outputTokens } = getMaxUsage(request);
  return inputTokens + outputTokens;
}

const callTokens = getMaxTokens(createNamedRequest("a"));
const smallCallTokens = getMaxTokens(createNamedRequest("c", 1));

const getHalfUsage = (request: ModelRequest) => ({ inputTokens: 100, outputTokens: Math.floor(request.settings.maxOutputTokens / 2) });

/** Creates a budget around models whose calls the test finishes. */
function createMeteredBudget(options: Partial<BudgetOptions>, getUsage = getHalfUsage) {
  const server = createMeteredModels(getUsage);
  const budget = createBudget({ prices: { "openai:m": price }, ledger: createMemoryLedger(), ...options });
  const callModel = budget.middleware(server.callModel);
  const call = (name: string, maxOutputTokens?: number, signal?: AbortSignal) => callModel(createNamedRequest(name, maxOutputTokens), { signal });
  /** Returns the names of the requests that were sent and are open. */
  const getOpenNames = () => server.openCalls.map(({ request }) => request.messages[0]?.text);
  return { ...budget, server, callModel, call, getOpenNames };
}

describe("createBudget", () => {
  it("sends a call whose maximum usage just fits", async () => {
    const { call, server } = createMeteredBudget({ maxTokens: callTokens });
    const response = call("a");
    await server.finishNext();
    expect((await response).text).toBe("Yes.");
  });

  it("rejects a call whose maximum usage is one token too much", async () => {
    const { call, getOpenNames } = createMeteredBudget({ maxTokens: callTokens - 1 });
    const error = await getRejection(call("a"));
    expect(error).toBeInstanceOf(BudgetError);
    expect(error).not.toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject({
      code: "budget_exhausted",
      details: { limit: "maxTokens", max: callTokens - 1, spent: 0, needed: callTokens, caller: { name: "candidate" }, model: "openai:m" },
    });
    expect(String(error)).toContain(`up to ${callTokens} tokens. Raise maxTokens and resume`);
    expect(getOpenNames()).toEqual([]);
  });

  it("charges what the endpoint counted, so that more calls fit than by their maximum usage", async () => {
    const { call, server, getUsage } = createMeteredBudget({ maxTokens: callTokens + 600 });
    for (const name of ["a", "b"]) {
      const response = call(name);
      await server.finishNext();
      await response;
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
    expect(await getRejection(call("c"))).toBeInstanceOf(BudgetError);
  });

  it("lets calls wait for those in flight, first come, first served", async () => {
    const { call, server, getOpenNames } = createMeteredBudget({ maxTokens: 2 * callTokens + 100 });
    const responses = [call("a"), call("b"), call("c"), call("d", 1)];
    await settlePromises();
    expect(getOpenNames()).toEqual(["a", "b"]);
    // "a" used 600 tokens, so "c" does not fit yet. The small "d" would fit, but waits behind "c".
    await server.finishNext();
    expect(getOpenNames()).toEqual(["b"]);
    await server.finishNext();
    expect(getOpenNames()).toEqual(["c"]);
    await server.finishNext();
    expect(getOpenNames()).toEqual(["d"]);
    await server.finishNext();
    await Promise.all(responses);
  });

  it("rejects a waiting call once the tokens it waited for are spent, and sends a smaller one behind it", async () => {
    const { call, server, getOpenNames } = createMeteredBudget({ maxTokens: callTokens + smallCallTokens });
    const firstError = getRejection(call("a"));
    const secondError = getRejection(call("b"));
    const third = call("c", 1);
    await server.finishNext("timeout");
    expect(await secondError).toBeInstanceOf(BudgetError);
    expect(String(await secondError)).toContain(`(including the maximum of ${callTokens} for calls that were not counted)`);
    expect(await firstError).toBeInstanceOf(AttemptError);
    expect(getOpenNames()).toEqual(["c"]);
    await server.finishNext();
    await third;
  });

  it("stops waiting when the signal aborts, with its reason, and sends the next call", async () => {
    const { call, server, getOpenNames } = createMeteredBudget({ maxTokens: callTokens + smallCallTokens });
    const first = call("a");
    const controller = new AbortController();
    const secondError = getRejection(call("b", undefined, controller.signal));
    const third = call("c", 1);
    await settlePromises();
    expect(getOpenNames()).toEqual(["a"]);
    controller.abort(new Error("enough"));
    expect(await secondError).toEqual(new Error("enough"));
    await settlePromises();
    expect(getOpenNames()).toEqual(["a", "c"]);
    expect(await getRejection(call("d", undefined, controller.signal))).toEqual(new Error("enough"));
    while (server.openCalls.length > 0) await server.finishNext();
    await Promise.all([first, third]);
    expect(getOpenNames()).toEqual([]);
  });

  it("charges an aborted call at its maximum usage, and keeps serving the waiting calls", async () => {
    const { call, server, getOpenNames, getUsage } = createMeteredBudget({ maxTokens: callTokens + smallCallTokens });
    const controller = new AbortController();
    const firstError = getRejection(call("a", undefined, controller.signal));
    const secondError = getRejection(call("b"));
    const third = call("c", 1);
    await settlePromises();
    controller.abort(new Error("enough"));
    expect(await firstError).toEqual(new Error("enough"));
    expect(await secondError).toBeInstanceOf(BudgetError);
    expect(getUsage()).toMatchObject({ unconfirmedCalls: 1, uncountedTokens: callTokens });
    expect(getOpenNames()).toEqual(["c"]);
    await server.finishNext();
    await third;
  });

  it("charges the maximum usage if the endpoint reports no tokens or an invalid count", async () => {
    const maxUsage = getMaxUsage(createNamedRequest("a"));
    const usages: TokenUsage[] = [
      { inputTokens: null, outputTokens: null },
      { inputTokens: -5, outputTokens: 7 },
      { inputTokens: 3, outputTokens: NaN },
    ];
    const { middleware, getUsage } = createBudget({ prices: {}, ledger: createMemoryLedger() });
    for (const usage of usages)
      await middleware(async () => ({ text: "Yes.", finishReason: "stop", model: "m", usage }))(createNamedRequest("a"), {});
    expect(getUsage()).toMatchObject({
      calls: 3,
      unmeteredCalls: 3,
      inputTokens: 3,
      outputTokens: 7,
      uncountedTokens: 2 * maxUsage.inputTokens + 2 * maxUsage.outputTokens,
      usd: null,
      uncountedUsd: null,
      unpricedModels: ["openai:m"],
    });
  });

  it("charges a failed call only if it may have been charged", async () => {
    const { call, server, getUsage } = createMeteredBudget({ maxTokens: 10 * callTokens });
    for (const [ending, unconfirmedCalls] of [
      ["rate limited", 0],
      ["connection refused", 0],
      ["timeout", 1],
    ] as const) {
      const error = getRejection(call("a"));
      await server.finishNext(ending);
      expect(await error).toBeInstanceOf(AttemptError);
      expect(getUsage()).toMatchObject({ calls: 0, unconfirmedCalls, uncountedTokens: unconfirmedCalls * callTokens });
    }
  });

  it("limits dollars, with cached input at its own price", async () => {
    const maxUsage = getMaxUsage(createNamedRequest("a"));
    const usd = (maxUsage.inputTokens * 1 + maxUsage.outputTokens * 10) / 1e6;
    const prices = { "openai:m": { ...price, cachedInputUsdPerMillion: 0.1 } };
    expect(await getRejection(createMeteredBudget({ maxUsd: usd * 0.999, prices }).call("a"))).toMatchObject({
      code: "budget_exhausted",
      details: { limit: "maxUsd" },
    });
    const { call, server, getUsage } = createMeteredBudget({ maxUsd: usd * 1.001, prices }, () => ({
      inputTokens: 100,
      outputTokens: 10,
      cachedInputTokens: 80,
    }));
    const response = call("a");
    await server.finishNext();
    await response;
    expect(getUsage().usd).toBeCloseTo((20 * 1 + 80 * 0.1 + 10 * 10) / 1e6, 15);
  });

  it("rejects a limit in dollars for a model without a price", async () => {
    const { callModel } = createMeteredBudget({ maxUsd: 1 });
    const error = await getRejection(callModel(createNamedRequest("a", 10, "openai:unknown"), {}));
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toContain('"openai:unknown"');
    expect(error).toMatchObject({ details: { field: 'prices["openai:unknown"]' } });
  });

  it("rejects a limit in dollars if an earlier run used a model without a price", async () => {
    const ledger = createMemoryLedger();
    const earlier = createBudget({ prices: {}, ledger });
    const usage = { inputTokens: 1, outputTokens: 1 };
    await earlier.middleware(async () => ({ text: "", finishReason: "stop", model: "m", usage }))(createNamedRequest("a"), {});
    expect(() => createBudget({ prices: {}, ledger, maxUsd: 1 })).toThrow(InputError);
  });

  it("does not limit a model whose price is zero by dollars", async () => {
    const free = { inputUsdPerMillion: 0, outputUsdPerMillion: 0 };
    const { callModel, server } = createMeteredBudget({ maxUsd: 1, prices: { free } });
    const response = callModel(createNamedRequest("a", 1_000_000, "free"), {});
    await server.finishNext();
    expect((await response).text).toBe("Yes.");
  });

  it.each([0, -1, NaN, Infinity])("rejects %d as a limit", (limit) => {
    const ledger = createMemoryLedger();
    expect(() => createBudget({ prices: {}, ledger, maxTokens: limit })).toThrow(/`maxTokens` must be a number above 0/);
    expect(() => createBudget({ prices: {}, ledger, maxUsd: limit })).toThrow(/`maxUsd` must be a number above 0/);
  });

  it("throws a BudgetError that the retry middleware neither repeats nor converts", async () => {
    const { callModel, server } = createMeteredBudget({ maxTokens: callTokens });
    const callWithRetry = withRetry(callModel, { minDelayMs: 0, maxDelayMs: 0 });
    const error = getRejection(callWithRetry(createNamedRequest("a"), {}));
    await settlePromises();
    await server.finishNext("timeout");
    expect(await error).toBeInstanceOf(BudgetError);
  });
});
