import { setMaxListeners } from "node:events";

import type { Env } from "../env.js";
import { ReviewInstructError } from "../errors.js";
import { createBudget } from "../model-calls/budget/budget.js";
import { type PriceTable, assertPricesKnown } from "../model-calls/budget/prices.js";
import { openUsageLedger } from "../model-calls/budget/usage-ledger-file.js";
import { createMemoryLedger } from "../model-calls/budget/usage-ledger.js";
import type { UsageSummary } from "../model-calls/budget/usage-summary.js";
import { createFaultFinder } from "../model-calls/middleware/fault-finder.js";
import { createPromptCutDetector } from "../model-calls/middleware/prompt-cut.js";
import { type CacheStats, createResponseCache } from "../model-calls/middleware/response-cache.js";
import { type ResponseStore, createFileResponseStore } from "../model-calls/middleware/response-store.js";
import type { RetryEvent } from "../model-calls/middleware/retry.js";
import type { AdaptationEvent } from "../model-calls/adaptation/adaptation-memory.js";
import type { CallModel } from "../model-calls/model-call.js";
import { type CircuitChange, type EndpointStatus, type RateLimiterOptions, createRateLimiter } from "../model-calls/rate-limit/rate-limiter.js";
import { createModelCaller } from "./create-model-caller.js";
import { withProviderDefaults } from "./provider-defaults.js";
import { describeEndpoint, withInProcessPrices } from "./registry.js";

/** Options of {@link openModels}. */
export interface OpenModelsOptions {
  /** Environment in which API keys are looked up. */
  readonly env: Env;
  /** Models that will be called, as settings name them. Each needs a price if `maxUsd` is set. */
  readonly modelNames: readonly string[];
  readonly prices: PriceTable;
  /** Milliseconds until one attempt times out. */
  readonly timeoutMs?: number;
  readonly maxRetries?: number;
  /** Limits for every endpoint and model. */
  readonly rateLimit?: Omit<RateLimiterOptions, "onStateChange" | "describeEndpoint">;
  /** Maximum number of tokens over all runs of the ledger, or of all shards' ledgers. Default: no limit. */
  readonly maxTokens?: number | null;
  /** Maximum cost in US dollars, likewise. Default: no limit. */
  readonly maxUsd?: number | null;
  /**
   * Number of shards that share both limits, each with its own ledger. This one keeps to its equal part.
   * @default 1
   */
  readonly shards?: number;
  /** Folder or store of the response cache. Default: no cache. */
  readonly cache?: string | ResponseStore;
  /** File of the usage ledger. Default: not stored. */
  readonly usageFile?: string;
  readonly onRetry?: (event: RetryEvent) => void;
  readonly onCircuit?: (change: CircuitChange) => void;
  /** Called once for each change that requests to an endpoint and model are made with because it refused the others. */
  readonly onAdapt?: (event: AdaptationEvent) => void;
  readonly onWarning?: (message: string) => void;
}

/** The model calls of one job, with their limits, usage and cache. */
export interface ModelPipeline {
  readonly callModel: CallModel;
  getUsage(): UsageSummary;
  getEndpoints(): EndpointStatus[];
  /** Returns null without a cache. */
  getCacheStats(): CacheStats | null;
  /** Rejects calls that were not sent yet, and later ones, with the code `rate_limiter_closed`. Calls in flight continue. */
  stopWaiting(): void;
  /** Closes everything. Never throws, so that it does not hide the job's result: a failed write to the ledger is a warning. */
  close(): void;
}

/** Opens the model calls of a job: cache(retry(rate limit(fault finder(budget(request adaptation(attempt)))))). */
export function openModels(options: OpenModelsOptions): ModelPipeline {
  const { maxTokens = null, maxUsd = null, onWarning } = options;
  const prices = withInProcessPrices(options.prices);
  if (maxUsd !== null) assertPricesKnown(prices, options.modelNames);
  const store = typeof options.cache === "string" ? createFileResponseStore(options.cache) : options.cache;
  const cache = store ? createResponseCache({ store, describeEndpoint, onWarning }) : null;
  const ledger = options.usageFile === undefined ? createMemoryLedger() : openUsageLedger(options.usageFile);
  const budget = createBudget({ maxTokens, maxUsd, shards: options.shards, prices, ledger });
  const rateLimiter = createRateLimiter({ ...options.rateLimit, describeEndpoint, onStateChange: options.onCircuit });
  const promptCut = createPromptCutDetector({ describeEndpoint, onWarning });
  const stopping = new AbortController();
  // Every call that waits for its next attempt listens.
  setMaxListeners(Infinity, stopping.signal);
  const uncached = createModelCaller({
    env: options.env,
    timeoutMs: options.timeoutMs,
    maxRetries: options.maxRetries,
    onRetry: options.onRetry,
    onAdapt: options.onAdapt,
    stop: stopping.signal,
    middleware: [rateLimiter.middleware, createFaultFinder(describeEndpoint), budget.middleware, promptCut],
  });
  // Outside of the cache, whose keys contain the endpoint.
  const withDefaults = withProviderDefaults(options.env);
  return {
    callModel: withDefaults(cache ? cache.middleware(uncached) : uncached),
    getUsage: budget.getUsage,
    getEndpoints: rateLimiter.getStatus,
    getCacheStats: () => cache?.getStats() ?? null,
    stopWaiting: () => {
      stopping.abort();
      rateLimiter.close();
    },
    close: () => {
      rateLimiter.close();
      try {
        ledger.close();
      } catch (error) {
        if (!(error instanceof ReviewInstructError)) throw error;
        onWarning?.(`${error.message}. Until the next run, the last calls count with their maximum usage.`);
      }
    },
  };
}
