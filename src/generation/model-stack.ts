import type { Environment } from "../environment.js";
import { ReviewInstructError } from "../errors.js";
import { createModelAccess } from "../models/access.js";
import { createBudget } from "../models/budget/budget.js";
import { type CacheStats, createCache } from "../models/cache.js";
import { type CircuitChange, type GateOptions, type LaneStatus, createGate } from "../models/gate/gate.js";
import { memoryLedger } from "../models/budget/ledger.js";
import { openLedger } from "../models/budget/ledger-file.js";
import { type PriceTable, assertPriced } from "../models/budget/prices.js";
import type { RetryNotice } from "../models/call/retry.js";
import type { Spent } from "../models/budget/spent.js";
import type { ModelAccess } from "../nodes/model-access.js";
import { type Settings, modelFor, seatedPanel } from "../state/settings.js";
import type { Shard } from "./shard.js";

export interface ModelStackOptions {
  readonly env: Environment;
  readonly settings: Settings;
  readonly prices: PriceTable;
  /** Milliseconds for one attempt. */
  readonly timeoutMs?: number;
  readonly maxRetries?: number;
  /** Limits of every endpoint and model. */
  readonly gate?: Omit<GateOptions, "onStateChange">;
  /** Most tokens and US dollars over all runs of the ledger, or of all shards' ledgers. Default: no limit. */
  readonly maxTokens?: number | null;
  readonly maxUsd?: number | null;
  /** The shard that this ledger belongs to: it keeps to its equal part of both limits. Default: none. */
  readonly shard?: Shard | null;
  /** Folder of the response cache. Default: none. */
  readonly cache?: string;
  /** File of the usage ledger. Default: this process's memory. */
  readonly usageFile?: string;
  readonly onRetry?: (notice: RetryNotice) => void;
  readonly onCircuit?: (change: CircuitChange) => void;
  readonly onWarning?: (message: string) => void;
}

export interface ModelStack {
  readonly models: ModelAccess;
  spent(): Spent;
  lanes(): LaneStatus[];
  /** Null without a cache. */
  cacheStats(): CacheStats | null;
  /** Never throws, so that it does not hide what came of the job: a ledger that cannot be written any more is a warning. */
  close(): void;
}

/** Models as a job uses them: a cache around retries around a gate around a budget around single attempts. */
export function openModelStack(options: ModelStackOptions): ModelStack {
  const { settings, prices, maxTokens = null, maxUsd = null, onWarning } = options;
  if (maxUsd !== null) assertPriced(prices, modelsOf(settings));
  const cache = options.cache === undefined ? null : createCache(options.cache, { onWarning });
  const ledger = options.usageFile === undefined ? memoryLedger() : openLedger(options.usageFile);
  const budget = createBudget({ maxTokens, maxUsd, shards: options.shard?.of, prices, ledger });
  const gate = createGate({ ...options.gate, onStateChange: options.onCircuit });
  const paid = createModelAccess({
    env: options.env,
    timeoutMs: options.timeoutMs,
    maxRetries: options.maxRetries,
    onRetry: options.onRetry,
    wrap: [gate.wrap, budget.wrap],
  });
  return {
    models: cache ? cache.wrap(paid) : paid,
    spent: budget.spent,
    lanes: gate.status,
    cacheStats: () => cache?.stats() ?? null,
    close: () => {
      gate.close();
      try {
        ledger.close();
      } catch (error) {
        if (!(error instanceof ReviewInstructError)) throw error;
        onWarning?.(`${error.message}. Until a next run settles it, the last calls count as what they could have cost at most.`);
      }
    },
  };
}

/** Every model that the settings name, once. */
export function modelsOf(settings: Settings): string[] {
  const roles = [settings.candidate, settings.chairman, ...seatedPanel(settings)];
  return [...new Set(roles.map((role) => modelFor(settings, role).model))];
}
