import { createReadStream } from "node:fs";

import { z } from "zod";

import { ReviewInstructError } from "../errors.js";
import { textLinesOf } from "../lines.js";
import { type ModelAccount, addToAccount } from "../models/budget/ledger-lines.js";
import { type Limits, limitText, partOfLimits } from "../models/budget/limits.js";
import { type PriceTable, assertPriced } from "../models/budget/prices.js";
import { type Spent, spentOf } from "../models/budget/spent.js";
import { type CallUsage, Turn } from "../state/records.js";
import { type Settings, modelFor } from "../state/settings.js";
import { modelsOf } from "./model-stack.js";
import type { Shard } from "./shard.js";

export interface ServerSpendingOptions {
  /** The folder's file of finished conversations: what they cost stands in them. */
  readonly conversations: string;
  readonly settings: Settings;
  readonly prices: PriceTable;
  /** Most tokens and US dollars of all shards together, looked at before a conversation starts. Default: no limit. */
  readonly maxTokens?: number | null;
  readonly maxUsd?: number | null;
  /** The shard that the folder's file belongs to: it keeps to its equal part of both limits. Default: none. */
  readonly shard?: Shard | null;
}

/** What the finished conversations of a folder cost, where a server makes the calls. */
export interface ServerSpending {
  readonly add: (turns: readonly Turn[]) => void;
  readonly spent: () => Spent;
  /** Throws `budget_exhausted` once a limit is reached; conversations under way at that moment may pass it. */
  readonly assertWithinBudget: () => void;
}

const Row = z.object({ turns: z.array(Turn) });

export async function openServerSpending(options: ServerSpendingOptions): Promise<ServerSpending> {
  const { conversations, settings, prices, shard } = options;
  const shards = shard?.of ?? 1;
  const { maxTokens, maxUsd } = partOfLimits({ maxTokens: options.maxTokens ?? null, maxUsd: options.maxUsd ?? null }, shards);
  if (maxUsd !== null) assertPriced(prices, modelsOf(settings));
  const accounts = new Map<string, ModelAccount>();
  const add = (turns: readonly Turn[]) => {
    for (const call of turns.flatMap((turn) => turn.calls)) if (!call.cached) addToAccount(accounts, modelOf(call, settings), accountOf(call));
  };
  for await (const line of textLinesOf(createReadStream(conversations))) add(Row.parse(JSON.parse(line)).turns);
  const spent = () => spentOf(accounts, prices);
  return {
    add,
    spent,
    assertWithinBudget() {
      const { inputTokens, outputTokens, usd } = spent();
      const exhausted = (limit: keyof Limits, most: number) =>
        new ReviewInstructError(
          "budget_exhausted",
          `the budget is used up: ${limitText(limit, most, shards)} is spent. Raise ${limit} and run the same command again to go on`,
          { limit, most },
        );
      if (maxTokens !== null && inputTokens + outputTokens >= maxTokens) throw exhausted("maxTokens", maxTokens);
      if (maxUsd !== null && (usd ?? 0) >= maxUsd) throw exhausted("maxUsd", maxUsd);
    },
  };
}

/** The model as the settings, and so the prices, name it; a call tells the endpoint's name. */
function modelOf({ role, reviewer }: CallUsage, settings: Settings): string {
  const seat = role === "reviewer" ? settings.panel.find(({ name }) => name === reviewer) : settings[role];
  return seat ? modelFor(settings, seat).model : settings.model;
}

function accountOf({ inputTokens, outputTokens }: CallUsage): Partial<ModelAccount> {
  return {
    calls: 1,
    estimatedCalls: inputTokens === null || outputTokens === null ? 1 : 0,
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
  };
}
