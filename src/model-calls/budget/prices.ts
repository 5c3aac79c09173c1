import { z } from "zod";

import { InputError } from "../../errors.js";
import type { TokenUsage } from "../model-call.js";

const usdPerMillion = z.number().min(0);

/** What a million tokens of one model cost, in US dollars. */
export const Price = z
  .strictObject({
    inputUsdPerMillion: usdPerMillion,
    outputUsdPerMillion: usdPerMillion,
    /** Input that the endpoint had in its own prompt cache. Default: like any other input. */
    cachedInputUsdPerMillion: usdPerMillion.optional(),
  })
  .refine(
    (price) => (price.cachedInputUsdPerMillion ?? 0) <= price.inputUsdPerMillion,
    "cachedInputUsdPerMillion must not be above inputUsdPerMillion",
  );
export type Price = z.infer<typeof Price>;

/** Prices by model as the settings name it, to the letter: `openai:gpt-4o-mini`. Without an entry a price is unknown. */
export const PriceTable = z.record(z.string().min(1), Price);
export type PriceTable = z.infer<typeof PriceTable>;

/** Tokens of one or many calls. */
export interface PricedUsage extends TokenUsage {
  /** The part of `inputTokens` that came out of the endpoint's prompt cache. Default 0. */
  readonly cachedInputTokens?: number | null;
}

/** A sum that is known only if every model in it has a price. */
export interface Cost {
  /** US dollars; null where a price is unknown, never a guess. */
  readonly usd: number | null;
  readonly unpricedModels: readonly string[];
}

/** Returns the price of a model; null where the table has none. */
export function getPrice(prices: PriceTable, model: string): Price | null {
  return (Object.hasOwn(prices, model) ? prices[model] : null) ?? null;
}

/** US dollars; null where the price or the number of tokens is unknown. */
export function calculateCost(usage: PricedUsage, price: Price | null): number | null {
  const { inputTokens, outputTokens } = usage;
  if (price === null || inputTokens === null || outputTokens === null) return null;
  const cached = Math.min(usage.cachedInputTokens ?? 0, inputTokens);
  const cachedPrice = price.cachedInputUsdPerMillion ?? price.inputUsdPerMillion;
  return ((inputTokens - cached) * price.inputUsdPerMillion + cached * cachedPrice + outputTokens * price.outputUsdPerMillion) / 1e6;
}

/** Adds up what several models cost. Models without a price are named, and make the sum null. */
export function totalCost(usages: Iterable<readonly [model: string, usage: PricedUsage]>, prices: PriceTable): Cost {
  const priced = [...usages].map(([model, usage]) => ({ model, price: getPrice(prices, model), usage }));
  const unpricedModels = [...new Set(priced.filter(({ price }) => price === null).map(({ model }) => model))].sort();
  const usd = priced.reduce<number | null>((sum, { price, usage }) => {
    const cost = calculateCost(usage, price);
    return sum === null || cost === null ? null : sum + cost;
  }, 0);
  return { usd, unpricedModels };
}

/** Refuses a limit in dollars where a price is missing: throws `InputError` naming the models and the `prices` key. */
export function assertPricesKnown(prices: PriceTable, models: Iterable<string>): void {
  const unpriced = [...new Set(models)].filter((model) => getPrice(prices, model) === null);
  const [first] = unpriced;
  if (first === undefined) return;
  const names = unpriced.map((model) => `"${model}"`).join(", ");
  throw new InputError(
    `\`maxUsd\` needs the price of every model, and \`prices\` has none for ${names}: ` +
      `add { "${first}": { "inputUsdPerMillion": ..., "outputUsdPerMillion": ... } } to it, or limit \`maxTokens\` instead`,
    { field: `prices["${first}"]` },
  );
}
