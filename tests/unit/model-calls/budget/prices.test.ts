import { describe, expect, it } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { PriceTable, assertPricesKnown, calculateCost, getPrice, totalCost } from "../../../../src/model-calls/budget/prices.js";

const prices = PriceTable.parse({
  "openai:gpt-4o-mini": { inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6, cachedInputUsdPerMillion: 0.075 },
  "openai:plain": { inputUsdPerMillion: 2, outputUsdPerMillion: 8 },
});

describe("prices", () => {
  it.each([
    [{ inputTokens: 1_000_000, outputTokens: 0 }, 0.15],
    [{ inputTokens: 0, outputTokens: 1_000_000 }, 0.6],
    [{ inputTokens: 1_000_000, outputTokens: 1_000_000, cachedInputTokens: 400_000 }, 0.6 * 0.15 + 0.4 * 0.075 + 0.6],
    [{ inputTokens: 10, outputTokens: 0, cachedInputTokens: 99 }, (10 * 0.075) / 1e6],
    [{ inputTokens: 10, outputTokens: 10, cachedInputTokens: null }, (10 * 0.15 + 10 * 0.6) / 1e6],
  ])("%j costs %d dollars", (usage, usd) => {
    expect(calculateCost(usage, getPrice(prices, "openai:gpt-4o-mini"))).toBeCloseTo(usd, 12);
  });

  it("charges cached input like other input where it has no price of its own", () => {
    expect(calculateCost({ inputTokens: 100, outputTokens: 0, cachedInputTokens: 100 }, getPrice(prices, "openai:plain"))).toBeCloseTo(0.0002, 12);
  });

  it("never guesses: no price, no count, no sum", () => {
    expect(getPrice(prices, "openai:gpt-4o")).toBeNull();
    expect(getPrice(prices, "constructor")).toBeNull();
    expect(calculateCost({ inputTokens: 1, outputTokens: 1 }, null)).toBeNull();
    expect(calculateCost({ inputTokens: null, outputTokens: 1 }, getPrice(prices, "openai:plain"))).toBeNull();
    const usage = { inputTokens: 1_000_000, outputTokens: 0 };
    expect(
      totalCost(
        [
          ["openai:plain", usage],
          ["openai:z", usage],
          ["openai:a", usage],
          ["openai:z", usage],
        ],
        prices,
      ),
    ).toEqual({
      usd: null,
      unpricedModels: ["openai:a", "openai:z"],
    });
    expect(
      totalCost(
        [
          ["openai:plain", usage],
          ["offline", usage],
        ],
        prices,
      ),
    ).toEqual({ usd: 2, unpricedModels: [] });
    expect(totalCost([], prices)).toEqual({ usd: 0, unpricedModels: [] });
  });

  it("names every model whose price a limit in dollars would need", () => {
    expect(() => assertPricesKnown(prices, ["offline", "openai:plain"])).not.toThrow();
    expect(() => assertPricesKnown(prices, ["openai:x", "openai:plain", "openai:y", "openai:x"])).toThrow(InputError);
    expect(() => assertPricesKnown(prices, ["openai:x", "openai:plain", "openai:y", "openai:x"])).toThrow(
      /`prices` has none for "openai:x", "openai:y"/,
    );
  });

  it.each([
    { inputUsdPerMillion: -1, outputUsdPerMillion: 1 },
    { inputUsdPerMillion: 1 },
    { inputUsdPerMillion: 1, outputUsdPerMillion: 1, inputUsdPerThousand: 1 },
    { inputUsdPerMillion: 1, outputUsdPerMillion: 1, cachedInputUsdPerMillion: 2 },
    { inputUsdPerMillion: Infinity, outputUsdPerMillion: 1 },
  ])("refuses %j as a price", (price) => {
    expect(PriceTable.safeParse({ "openai:m": price }).success).toBe(false);
  });
});
