import { type PriceTable, sumCosts } from "./prices.js";
import type { UsageByModel } from "./usage-ledger-lines.js";

/** Usage of all runs of an output folder. */
export interface UsageSummary {
  /** Responses received. */
  readonly calls: number;
  /** Tokens as the endpoints counted them. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Cost of the counted tokens. Null if a price is unknown. */
  readonly usd: number | null;
  /** Responses among `calls` for which the endpoint did not report all tokens. */
  readonly unmeteredCalls: number;
  /** Attempts without a response that may have been charged: timeouts, resets, aborts. */
  readonly unconfirmedCalls: number;
  /**
   * Maximum number of tokens that may have been charged beyond the counted ones, and that count against the limits:
   * unmetered and unconfirmed calls, and calls in flight or reserved when a process was killed.
   */
  readonly uncountedTokens: number;
  /** Cost of the uncounted tokens. Null if a price is unknown. */
  readonly uncountedUsd: number | null;
  readonly unpricedModels: readonly string[];
}

/** Adds up the usage of all models. */
export function summarizeUsage(usageByModel: UsageByModel, prices: PriceTable): UsageSummary {
  const entries = [...usageByModel];
  const sum = (name: "calls" | "unmeteredCalls" | "unconfirmedCalls" | "inputTokens" | "outputTokens") =>
    entries.reduce((total, [, usage]) => total + usage[name], 0);
  const countedCost = sumCosts(entries, prices);
  const uncountedCost = sumCosts(
    entries.map(([model, usage]) => [model, { inputTokens: usage.uncountedInputTokens, outputTokens: usage.uncountedOutputTokens }]),
    prices,
  );
  return {
    calls: sum("calls"),
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    usd: countedCost.usd,
    unmeteredCalls: sum("unmeteredCalls"),
    unconfirmedCalls: sum("unconfirmedCalls"),
    uncountedTokens: getUncountedTokens(usageByModel),
    uncountedUsd: uncountedCost.usd,
    unpricedModels: countedCost.unpricedModels,
  };
}

/** Returns the number of tokens that are charged but were never counted. */
export function getUncountedTokens(usageByModel: UsageByModel): number {
  return [...usageByModel.values()].reduce((total, usage) => total + usage.uncountedInputTokens + usage.uncountedOutputTokens, 0);
}
