import { z } from "zod";

import { InputError } from "../../errors.js";
import type { TokenUsage } from "../model-call.js";

const usdPerMillion = z.number().min(0);

/** Price of one model, in US dollars per million tokens. */
export const Price = z
  .strictObject({
    inputUsdPerMillion: usdPerMillion,
    outputUsdPerMillion: usdPerMillion,
    /** Input read from the endpoint's prompt cache. Default: the price of other input. */
    cachedInputUsdPerMillion: usdPerMillion.optional(),
  })
  .refine(
    (price) => (price.cachedInputUsdPerMillion ?? 0) <= price.inputUsdPerMillion,
    "cachedInputUsdPerMillion must not be above inputUsdPerMillion",
  );
export type Price = z.infer<typeof Price>;

/** Prices by model exactly as settings name it, e.g. `openai:gpt-4o-mini`. The price of a model without an entry is unknown. */
export const PriceTable = z.record(z.string().min(1), Price);
export type PriceTable = z.infer<typeof PriceTable>;

/** Tokens of one or many calls. */
export interface PricedUsage extends TokenUsage {
  /**
   * Part of `inputTokens` read from the endpoint's prompt cache.
   * @default 0
   */
  readonly cachedInputTokens?: number | null;
}

/** A cost that is known only if every model has a price. */
export interface Cost {
  /** US dollars. Null if a price is unknown; never estimated. */
  readonly usd: number | null;
  readonly unpricedModels: readonly string[];
}

/** Returns the price of a model, else that of its provider (`gguf` for `gguf:model.gguf`), or null if the table has none. */
export function getPrice(prices: PriceTable, model: string): Price | null {
  const [provider = model] = model.split(":", 1);
  const name = [model, provider].find((key) => Object.hasOwn(prices, key));
  return (name === undefined ? null : prices[name]) ?? null;
}

/** Calculates the cost in US dollars. Null if the price or a number of tokens is unknown. */
export function calculateCost(usage: PricedUsage, price: Price | null): number | null {
  const { inputTokens, outputTokens } = usage;
  if (price === null || inputTokens === null || outputTokens === null) return null;
  const cachedTokens = Math.min(usage.cachedInputTokens ?? 0, inputTokens);
  const cachedPrice = price.cachedInputUsdPerMillion ?? price.inputUsdPerMillion;
  return ((inputTokens - cachedTokens) * price.inputUsdPerMillion + cachedTokens * cachedPrice + outputTokens * price.outputUsdPerMillion) / 1e6;
}

/** Adds up the cost of several models. Models without a price are listed, and make the sum null. */
export function sumCosts(usages: Iterable<readonly [model: string, usage: PricedUsage]>, prices: PriceTable): Cost {
  const priced = [...usages].map(([model, usage]) => ({ model, price: getPrice(prices, model), usage }));
  const unpricedModels = [...new Set(priced.filter(({ price }) => price === null).map(({ model }) => model))].sort();
  const usd = priced.reduce<number | null>((sum, { price, usage }) => {
    const cost = calculateCost(usage, price);
    return sum === null || cost === null ? null : sum + cost;
  }, 0);
  return { usd, unpricedModels };
}

/**
 * Asserts that every model has a price, which a limit in dollars needs.
 *
 * @throws {InputError} Naming the models without a price.
 */
export function assertPricesKnown(prices: PriceTable, models: Iterable<string>): void {
  const unpriced = [...new Set(models)].filter((model) => getPrice(prices, model) === null);
  const [first] = unpriced;
  if (first === undefined) return;
  const names = unpriced.map((model) => `"${model}"`).join(", ");
  throw new InputError(
    `\`maxUsd\` needs the price of every model, and \`prices\` has none for ${names}: ` +
      `add { "${first}": { "inputUsdPerMillion": ..., "outputUsdPerMillion": ... } } to it, or set \`maxTokens\` instead`,
    { field: `prices["${first}"]` },
  );
}
