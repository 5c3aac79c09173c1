import type { UsageByModel } from "./usage-ledger-lines.js";
import { type PriceTable, totalCost } from "./prices.js";

/** What all runs of an output folder spent. */
export interface UsageSummary {
  /** Replies that came back. */
  readonly calls: number;
  /** Tokens as the endpoints counted them. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What those tokens cost; null where a price is unknown. */
  readonly usd: number | null;
  /** Replies among `calls` whose endpoint did not count, in whole or in part. */
  readonly unmeteredCalls: number;
  /** Attempts without a reply that may have been charged: timeouts, resets, aborts. */
  readonly unconfirmedCalls: number;
  /**
   * Most tokens that may have been charged beyond the counted ones: estimated and uncertain calls, and calls that were in
   * flight, or about to be, when a process was killed. They count against the limits.
   */
  readonly uncountedTokens: number;
  readonly uncountedUsd: number | null;
  readonly unpricedModels: readonly string[];
}

export function summarizeUsage(accounts: UsageByModel, prices: PriceTable): UsageSummary {
  const listed = [...accounts];
  const sum = (name: "calls" | "unmeteredCalls" | "unconfirmedCalls" | "inputTokens" | "outputTokens") =>
    listed.reduce((total, [, account]) => total + account[name], 0);
  const counted = totalCost(listed, prices);
  const assumed = totalCost(
    listed.map(([model, account]) => [model, { inputTokens: account.uncountedInputTokens, outputTokens: account.uncountedOutputTokens }]),
    prices,
  );
  return {
    calls: sum("calls"),
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    usd: counted.usd,
    unmeteredCalls: sum("unmeteredCalls"),
    unconfirmedCalls: sum("unconfirmedCalls"),
    uncountedTokens: getUncountedTokens(accounts),
    uncountedUsd: assumed.usd,
    unpricedModels: counted.unpricedModels,
  };
}

/** Tokens that are charged without having been counted. */
export function getUncountedTokens(accounts: UsageByModel): number {
  return [...accounts.values()].reduce((total, account) => total + account.uncountedInputTokens + account.uncountedOutputTokens, 0);
}
