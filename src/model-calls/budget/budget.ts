import { InputError } from "../../errors.js";
import { type ModelMiddleware, type ModelRequest, formatCaller } from "../model-call.js";
import { BudgetError } from "./budget-error.js";
import { type Limits, formatLimit, getShardLimits } from "./limits.js";
import { getMaxUsage, isPossiblyCharged } from "./max-usage.js";
import { type PriceTable, type PricedUsage, assertPricesKnown, getPrice, sumCosts } from "./prices.js";
import { type Tokens, getChargedTokens } from "./usage-ledger-lines.js";
import type { Reservation, UsageLedger } from "./usage-ledger.js";
import { type UsageSummary, getUncountedTokens, summarizeUsage } from "./usage-summary.js";

/** Options of {@link createBudget}. */
export interface BudgetOptions {
  /**
   * Maximum number of tokens, input and output together, over everything in the ledger.
   * @default null, no limit
   */
  readonly maxTokens?: number | null;
  /**
   * Maximum cost in US dollars, likewise. Every model then needs a price.
   * @default null, no limit
   */
  readonly maxUsd?: number | null;
  /**
   * Number of shards that share the limits, each with its own ledger. This one keeps to its equal part.
   * @default 1
   */
  readonly shards?: number;
  readonly prices: PriceTable;
  readonly ledger: UsageLedger;
}

export interface Budget {
  /**
   * Sends an attempt only if even its maximum usage keeps within the limits.
   *
   * An attempt that does not fit beside the calls in flight waits for them, first come, first served, until its signal
   * aborts. An attempt that would not fit even if none of them were charged fails with `BudgetError`; with `maxUsd`, a model
   * without a price fails with `InputError`.
   */
  readonly middleware: ModelMiddleware;
  /** Returns the usage of all runs of the ledger. */
  readonly getUsage: () => UsageSummary;
}

/** An amount in the units of both limits. */
interface TokensAndCost {
  readonly tokens: number;
  readonly usd: number;
}

interface WaitingCall {
  readonly request: ModelRequest;
  readonly maxUsage: Tokens;
  readonly resolve: (reservation: Reservation) => void;
  readonly reject: (error: unknown) => void;
}

/** Maximum number of further calls reserved with one line of the ledger. */
const maxPrereserved = 8;
/** Share of the remaining budget that those calls may reserve, since a kill charges them. */
const prereserveShare = 0.02;

/**
 * Creates a budget, which keeps usage within limits.
 *
 * A call in flight is charged its maximum usage, and then what its endpoint counted. It stays at the maximum if the endpoint
 * did not count, or if it failed in a way that may have been charged (see {@link isPossiblyCharged}). So what endpoints count
 * never exceeds a limit, even over resumes and kills if the ledger is stored in a file.
 *
 * @throws {InputError} If a limit is not a positive number, or if `maxUsd` is set and the ledger has models without a price.
 */
export function createBudget({ maxTokens = null, maxUsd = null, shards = 1, prices, ledger }: BudgetOptions): Budget {
  const shardLimits = getShardLimits({ maxTokens, maxUsd }, shards);
  const limits: TokensAndCost = { tokens: parseLimit("maxTokens", shardLimits.maxTokens), usd: parseLimit("maxUsd", shardLimits.maxUsd) };
  if (maxUsd !== null) assertPricesKnown(prices, ledger.usage.keys());
  const waiting: WaitingCall[] = [];

  function toAmount(usages: Iterable<readonly [model: string, usage: Tokens & Pick<PricedUsage, "cachedInputTokens">]>): TokensAndCost {
    const entries = [...usages];
    const tokens = entries.reduce((sum, [, usage]) => sum + usage.inputTokens + usage.outputTokens, 0);
    // Null only without maxUsd, where the cost does not matter.
    return { tokens, usd: sumCosts(entries, prices).usd ?? 0 };
  }

  function getSpent(): TokensAndCost {
    return toAmount([...ledger.usage].map(([model, usage]) => [model, { ...getChargedTokens(usage), cachedInputTokens: usage.cachedInputTokens }]));
  }

  /** Admits waiting calls in order while there is room, and rejects those that can never fit. */
  function admitWaiting(): void {
    for (let next = waiting[0]; next; next = waiting[0]) {
      const { request, maxUsage } = next;
      const { model } = request.settings;
      const spent = getSpent();
      const needed = toAmount([[model, maxUsage]]);
      const exceededLimit = findExceededLimit(add(spent, needed), limits);
      const committed = add(add(spent, toAmount(ledger.inFlight)), needed);
      if (exceededLimit === null && findExceededLimit(committed, limits) !== null) return;
      waiting.shift();
      if (exceededLimit !== null) {
        next.reject(createBudgetError(exceededLimit, request, spent, needed));
        continue;
      }
      try {
        next.resolve(ledger.reserve(model, maxUsage, getPrereserveCount(committed, needed, limits)));
      } catch (error) {
        next.reject(error);
      }
    }
  }

  function createBudgetError(
    unit: keyof TokensAndCost,
    { caller, settings: { model } }: ModelRequest,
    spent: TokensAndCost,
    needed: TokensAndCost,
  ): BudgetError {
    const limit = unit === "tokens" ? "maxTokens" : "maxUsd";
    const format = (amount: number) => (unit === "tokens" ? `${amount} tokens` : `$${amount.toFixed(4)}`);
    const uncounted = unit === "tokens" ? getUncountedTokens(ledger.usage) : 0;
    const uncountedNote = uncounted > 0 ? ` (including the maximum of ${uncounted} for calls that were not counted)` : "";
    const message =
      `the budget is used up: ${format(spent[unit])} of ${formatLimit(limit, limits[unit], shards)} are spent${uncountedNote}, ` +
      `and the next call (${formatCaller(caller)}, ${model}) may take up to ${format(needed[unit])}. Raise ${limit} and resume to continue`;
    return new BudgetError(message, { limit, max: limits[unit], spent: spent[unit], needed: needed[unit], caller, model });
  }

  function reserve(request: ModelRequest, signal: AbortSignal | undefined): Promise<Reservation> {
    signal?.throwIfAborted();
    const { model } = request.settings;
    if (maxUsd !== null && getPrice(prices, model) === null) assertPricesKnown(prices, [model]);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        waiting.splice(waiting.indexOf(call), 1);
        reject(signal?.reason);
        // The next call in the queue may need less.
        admitWaiting();
      };
      const withoutListener =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", onAbort);
          settle(value);
        };
      const call: WaitingCall = { request, maxUsage: getMaxUsage(request), resolve: withoutListener(resolve), reject: withoutListener(reject) };
      signal?.addEventListener("abort", onAbort, { once: true });
      waiting.push(call);
      admitWaiting();
    });
  }

  return {
    middleware: (next) => async (request, config) => {
      const reservation = await reserve(request, config.signal);
      try {
        const response = await next(request, config);
        reservation.commit(response.usage);
        return response;
      } catch (error) {
        if (isPossiblyCharged(error)) reservation.commitMax();
        else reservation.release();
        throw error;
      } finally {
        admitWaiting();
      }
    },
    getUsage: () => summarizeUsage(ledger.usage, prices),
  };
}

function parseLimit(name: keyof Limits, limit: number | null): number {
  if (limit === null) return Infinity;
  if (Number.isFinite(limit) && limit > 0) return limit;
  throw new InputError(`\`${name}\` must be a number above 0, or be left out; it is ${limit}`, { field: name });
}

function add(a: TokensAndCost, b: TokensAndCost): TokensAndCost {
  return { tokens: a.tokens + b.tokens, usd: a.usd + b.usd };
}

function findExceededLimit(amount: TokensAndCost, limits: TokensAndCost): keyof TokensAndCost | null {
  if (amount.tokens > limits.tokens) return "tokens";
  return amount.usd > limits.usd ? "usd" : null;
}

/** Returns how many further calls of this size to reserve. */
function getPrereserveCount(committed: TokensAndCost, needed: TokensAndCost, limits: TokensAndCost): number {
  const countByUnit = (unit: keyof TokensAndCost) =>
    needed[unit] === 0 ? maxPrereserved : Math.floor((prereserveShare * (limits[unit] - committed[unit])) / needed[unit]);
  return Math.min(maxPrereserved, countByUnit("tokens"), countByUnit("usd"));
}
