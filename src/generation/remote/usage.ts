import { createReadStream } from "node:fs";

import { ConversationRow, type RowTurn } from "../../dataset/conversation-row.js";
import { ReviewInstructError } from "../../errors.js";
import { readTextLines } from "../../lines.js";
import { type Limits, formatLimit, getShardLimits } from "../../model-calls/budget/limits.js";
import { type PriceTable, assertPricesKnown } from "../../model-calls/budget/prices.js";
import { type ModelUsage, addUsage } from "../../model-calls/budget/usage-ledger-lines.js";
import { type UsageSummary, summarizeUsage } from "../../model-calls/budget/usage-summary.js";
import { withInProcessPrices } from "../../models/registry.js";
import { type ResolvedSettings, getRoleModels, resolveSettings } from "../../state/resolve-settings.js";
import type { Settings } from "../../state/settings.js";

/** Options of {@link openRemoteUsage}. */
export interface RemoteUsageOptions {
  /** File of finished conversations. */
  readonly rows: string;
  readonly settings: Settings;
  readonly prices: PriceTable;
  /** Maximum number of tokens of all shards, checked before each conversation. Default: no limit. */
  readonly maxTokens?: number | null;
  /** Maximum cost of all shards in US dollars, checked before each conversation. Default: no limit. */
  readonly maxUsd?: number | null;
  /**
   * Number of shards that share both limits. Each shard gets an equal part.
   * @default 1
   */
  readonly shards?: number;
}

/** Tracks the usage of the finished conversations of an output folder. */
export interface RemoteUsage {
  /** Adds the calls of a finished conversation. */
  readonly add: (turns: readonly RowTurn[]) => void;
  readonly getUsage: () => UsageSummary;
  /** Throws `budget_exhausted` once a limit is reached. Conversations in progress can exceed it. */
  readonly assertWithinBudget: () => void;
}

const UsageRow = ConversationRow.pick({ turns: true });

/** Adds up the usage of all rows of a folder. */
export async function openRemoteUsage(options: RemoteUsageOptions): Promise<RemoteUsage> {
  const { rows, shards = 1 } = options;
  const settings = resolveSettings(options.settings);
  const prices = withInProcessPrices(options.prices);
  const { maxTokens, maxUsd } = getShardLimits({ maxTokens: options.maxTokens ?? null, maxUsd: options.maxUsd ?? null }, shards);
  if (maxUsd !== null)
    assertPricesKnown(
      prices,
      getRoleModels(settings).map(({ model }) => model),
    );
  const usage = new Map<string, ModelUsage>();
  const add = (turns: readonly RowTurn[]) => {
    for (const call of turns.flatMap((turn) => turn.calls)) if (!call.cached) addUsage(usage, getConfiguredModel(call, settings), toUsage(call));
  };
  for await (const line of readTextLines(createReadStream(rows))) add(UsageRow.parse(JSON.parse(line)).turns);
  const getUsage = () => summarizeUsage(usage, prices);
  return {
    add,
    getUsage,
    assertWithinBudget() {
      const { inputTokens, outputTokens, usd } = getUsage();
      const createBudgetError = (limit: keyof Limits, max: number) =>
        new ReviewInstructError(
          "budget_exhausted",
          `the budget is used up: ${formatLimit(limit, max, shards)} is spent. Raise ${limit} and run the same command again to continue`,
          { limit, max },
        );
      if (maxTokens !== null && inputTokens + outputTokens >= maxTokens) throw createBudgetError("maxTokens", maxTokens);
      if (maxUsd !== null && (usd ?? 0) >= maxUsd) throw createBudgetError("maxUsd", maxUsd);
    },
  };
}

/** Returns the model's name in settings and prices. A call has the name that the endpoint reported. */
function getConfiguredModel({ caller, group, model }: RowTurn["calls"][number], settings: ResolvedSettings): string {
  if (group === "reviewer") return settings.panel.find(({ name }) => name === caller)?.model ?? model;
  return caller === "chairman" ? settings.chairman.model : settings.candidate.model;
}

function toUsage({ inputTokens, outputTokens, metered }: RowTurn["calls"][number]): Partial<ModelUsage> {
  return { calls: 1, unmeteredCalls: metered ? 0 : 1, inputTokens, outputTokens };
}
