import { describe, expect, it } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { PriceTable, assertPricesKnown, calculateCost, getPrice, sumCosts } from "../../../../src/model-calls/budget/prices.js";

const prices = PriceTable.parse({
  "openai:gpt-4o-mini": { inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6, cachedInputUsdPerMillion: 0.075 },
  "openai:plain": { inputUsdPerMillion: 2, outputUsdPerMillion: 8 },
  free: { inputUsdPerMillion: 0, outputUsdPerMillion: 0 },
});

describe("calculateCost", () => {
  it.each([
    [{ inputTokens: 1_000_000, outputTokens: 0 }, 0.15],
    [{ inputTokens: 0, outputTokens: 1_000_000 }, 0.6],
    [{ inputTokens: 1_000_000, outputTokens: 1_000_000, cachedInputTokens: 400_000 }, 0.6 * 0.15 + 0.4 * 0.075 + 0.6],
    [{ inputTokens: 10, outputTokens: 0, cachedInputTokens: 99 }, (10 * 0.075) / 1e6],
    [{ inputTokens: 10, outputTokens: 10, cachedInputTokens: null }, (10 * 0.15 + 10 * 0.6) / 1e6],
  ])("calculates the cost of %j as %d dollars", (usage, usd) => {
    expect(calculateCost(usage, getPrice(prices, "openai:gpt-4o-mini"))).toBeCloseTo(usd, 12);
  });

  it("uses the price of other input for cached input without a price", () => {
    expect(calculateCost({ inputTokens: 100, outputTokens: 0, cachedInputTokens: 100 }, getPrice(prices, "openai:plain"))).toBeCloseTo(0.0002, 12);
  });

  it("returns null without a price or without a count", () => {
    expect(calculateCost({ inputTokens: 1, outputTokens: 1 }, null)).toBeNull();
    expect(calculateCost({ inputTokens: null, outputTokens: 1 }, getPrice(prices, "openai:plain"))).toBeNull();
  });
});

describe("getPrice", () => {
  it("returns null for a model that is not in the table", () => {
    expect(getPrice(prices, "openai:gpt-4o")).toBeNull();
    expect(getPrice(prices, "constructor")).toBeNull();
  });
});

describe("sumCosts", () => {
  const usage = { inputTokens: 1_000_000, outputTokens: 0 };

  it("returns null and lists the models without a price, sorted and once each", () => {
    const usages = ["openai:plain", "openai:z", "openai:a", "openai:z"].map((model) => [model, usage] as const);
    expect(sumCosts(usages, prices)).toEqual({ usd: null, unpricedModels: ["openai:a", "openai:z"] });
  });

  it("adds up the costs of models with a price", () => {
    const usages = ["openai:plain", "free"].map((model) => [model, usage] as const);
    expect(sumCosts(usages, prices)).toEqual({ usd: 2, unpricedModels: [] });
    expect(sumCosts([], prices)).toEqual({ usd: 0, unpricedModels: [] });
  });
});

describe("assertPricesKnown", () => {
  it("names every model without a price", () => {
    expect(() => assertPricesKnown(prices, ["free", "openai:plain"])).not.toThrow();
    const assertKnown = () => assertPricesKnown(prices, ["openai:x", "openai:plain", "openai:y", "openai:x"]);
    expect(assertKnown).toThrow(InputError);
    expect(assertKnown).toThrow(/`prices` has none for "openai:x", "openai:y"/);
  });
});

describe("PriceTable", () => {
  it.each([
    { inputUsdPerMillion: -1, outputUsdPerMillion: 1 },
    { inputUsdPerMillion: 1 },
    { inputUsdPerMillion: 1, outputUsdPerMillion: 1, inputUsdPerThousand: 1 },
    { inputUsdPerMillion: 1, outputUsdPerMillion: 1, cachedInputUsdPerMillion: 2 },
    { inputUsdPerMillion: Infinity, outputUsdPerMillion: 1 },
  ])("rejects %j as a price", (price) => {
    expect(PriceTable.safeParse({ "openai:m": price }).success).toBe(false);
  });
});
