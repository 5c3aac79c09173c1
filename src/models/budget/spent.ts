import type { Accounts } from "./ledger-lines.js";
import { type PriceTable, totalCost } from "./prices.js";

/** What all runs of an output folder spent. */
export interface Spent {
  /** Replies that came back. */
  readonly calls: number;
  /** Tokens as the endpoints counted them. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What those tokens cost; null where a price is unknown. */
  readonly usd: number | null;
  /** Replies among `calls` whose endpoint did not count, in whole or in part. */
  readonly estimatedCalls: number;
  /** Attempts without a reply that may have been charged: timeouts, resets, aborts. */
  readonly uncertainCalls: number;
  /**
   * Most tokens that may have been charged beyond the counted ones: estimated and uncertain calls, and calls that were in
   * flight, or about to be, when a process was killed. They count against the limits.
   */
  readonly assumedTokens: number;
  readonly assumedUsd: number | null;
  readonly unpricedModels: readonly string[];
}

export function spentOf(accounts: Accounts, prices: PriceTable): Spent {
  const listed = [...accounts];
  const sum = (name: "calls" | "estimatedCalls" | "uncertainCalls" | "inputTokens" | "outputTokens") =>
    listed.reduce((total, [, account]) => total + account[name], 0);
  const counted = totalCost(listed, prices);
  const assumed = totalCost(
    listed.map(([model, account]) => [model, { inputTokens: account.assumedInputTokens, outputTokens: account.assumedOutputTokens }]),
    prices,
  );
  return {
    calls: sum("calls"),
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    usd: counted.usd,
    estimatedCalls: sum("estimatedCalls"),
    uncertainCalls: sum("uncertainCalls"),
    assumedTokens: assumedTokens(accounts),
    assumedUsd: assumed.usd,
    unpricedModels: counted.unpricedModels,
  };
}

/** Tokens that are charged without having been counted. */
export function assumedTokens(accounts: Accounts): number {
  return [...accounts.values()].reduce((total, account) => total + account.assumedInputTokens + account.assumedOutputTokens, 0);
}
