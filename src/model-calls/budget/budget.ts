import { InputError, type ModelCaller, ReviewInstructError } from "../../errors.js";
import { type CallModel, type ModelRequest, type ModelResponse, formatCaller } from "../model-call.js";
import { type Tokens, getChargedTokens } from "./usage-ledger-lines.js";
import type { UsageLedger, Reservation } from "./usage-ledger.js";
import { formatLimit, getShardLimits } from "./limits.js";
import { type PriceTable, assertPricesKnown, getPrice, totalCost } from "./prices.js";
import { type UsageSummary, getUncountedTokens, summarizeUsage } from "./usage-summary.js";
import { isPossiblyCharged, getMaxUsage } from "./max-usage.js";

/** A limit is reached: nothing more may be sent. Stops the run; raising the limit and resuming goes on. Code `budget_exhausted`. */
export class BudgetError extends ReviewInstructError {
  override readonly name = "BudgetError";

  constructor(
    message: string,
    details: { limit: "maxTokens" | "maxUsd"; most: number; spent: number; needed: number; caller: ModelCaller; model: string },
  ) {
    super("budget_exhausted", message, details);
  }
}

export interface BudgetOptions {
  /** Most tokens, input and output together, over everything in the ledger. Default null: no limit. */
  readonly maxTokens?: number | null;
  /** Most US dollars, likewise. Every model then needs a price. Default null: no limit. */
  readonly maxUsd?: number | null;
  /** Shards that share the limits, each with a ledger of its own: this one keeps to its equal part. Default 1. */
  readonly shards?: number;
  readonly prices: PriceTable;
  readonly ledger: UsageLedger;
}

export interface Budget {
  /**
   * Lets an attempt go out only if even its worst case keeps within the limits. One that does not fit beside the calls in
   * flight waits for them, first come, first served, or until its signal fires; one that would not fit even if none of them
   * were charged fails with `BudgetError`. Throws `InputError` where `maxUsd` meets a model without a price.
   */
  readonly middleware: (access: CallModel) => CallModel;
  /** What all runs of the ledger spent so far. */
  readonly getUsage: () => UsageSummary;
}

/** An amount in the units of both limits. */
interface TokensAndCost {
  readonly tokens: number;
  readonly usd: number;
}

interface Waiting {
  readonly request: ModelRequest;
  readonly worst: Tokens;
  readonly enter: (call: Reservation) => void;
  readonly fail: (reason: unknown) => void;
}

/** Most worst cases that are put on record ahead, and the share of what is left that they may take: a kill charges them. */
const maxPrereserved = 8;
const prereserveShare = 0.02;

/**
 * Keeps spending within limits. A call is charged at its worst case while it is in flight, and at what its endpoint counted
 * once it replied. It stays at the worst case where the endpoint did not count, or failed in a way that may have been charged
 * (see {@link isPossiblyCharged}). So what endpoints count never exceeds a limit, nor over resumes and kills if the ledger is
 * kept in a file. Throws `InputError` for a limit that is no positive number, or if `maxUsd` meets a ledger with unpriced models.
 */
export function createBudget({ maxTokens = null, maxUsd = null, shards = 1, prices, ledger }: BudgetOptions): Budget {
  const part = getShardLimits({ maxTokens, maxUsd }, shards);
  const most: TokensAndCost = { tokens: parseLimit("maxTokens", part.maxTokens), usd: parseLimit("maxUsd", part.maxUsd) };
  if (maxUsd !== null) assertPricesKnown(prices, ledger.usage.keys());
  const waiting: Waiting[] = [];

  function amountOf(usages: Iterable<readonly [string, Tokens & { readonly cachedInputTokens?: number }]>): TokensAndCost {
    const listed = [...usages];
    const tokens = listed.reduce((sum, [, usage]) => sum + usage.inputTokens + usage.outputTokens, 0);
    // Without a limit in dollars, models without a price do no harm.
    return { tokens, usd: totalCost(listed, prices).usd ?? 0 };
  }

  function charged(): TokensAndCost {
    return amountOf(
      [...ledger.usage].map(([model, account]) => [model, { ...getChargedTokens(account), cachedInputTokens: account.cachedInputTokens }]),
    );
  }

  /** Lets in whoever is next, as far as there is room, and turns away whoever can never get in. */
  function admitWaiting(): void {
    for (let next = waiting[0]; next; next = waiting[0]) {
      const { request, worst } = next;
      const { model } = request.settings;
      const spent = charged();
      const needed = amountOf([[model, worst]]);
      const limit = findExceededLimit(add(spent, needed), most);
      const taken = add(add(spent, amountOf(ledger.inFlight)), needed);
      if (limit === null && findExceededLimit(taken, most) !== null) return;
      waiting.shift();
      if (limit !== null) {
        next.fail(budgetExceededError(limit, request, spent, needed));
        continue;
      }
      try {
        next.enter(ledger.reserve(model, worst, getPrereserveCount(taken, needed, most)));
      } catch (error) {
        next.fail(error);
      }
    }
  }

  function budgetExceededError(
    limit: keyof TokensAndCost,
    { caller, settings: { model } }: ModelRequest,
    spent: TokensAndCost,
    needed: TokensAndCost,
  ): BudgetError {
    const name = limit === "tokens" ? "maxTokens" : "maxUsd";
    const told = (amount: number) => (limit === "tokens" ? `${amount} tokens` : `$${amount.toFixed(4)}`);
    const assumed = limit === "tokens" ? getUncountedTokens(ledger.usage) : 0;
    const message =
      `the budget is used up: ${told(spent[limit])} of ${formatLimit(name, most[limit], shards)} are spent${assumed > 0 ? ` (${assumed} of them assumed, for calls that were not counted)` : ""}, ` +
      `and the next call (${formatCaller(caller)}, ${model}) may take up to ${told(needed[limit])}. Raise ${name} and resume to go on`;
    return new BudgetError(message, { limit: name, most: most[limit], spent: spent[limit], needed: needed[limit], caller, model });
  }

  function reserve(request: ModelRequest, signal: AbortSignal | undefined): Promise<Reservation> {
    signal?.throwIfAborted();
    const { model } = request.settings;
    if (maxUsd !== null && getPrice(prices, model) === null) assertPricesKnown(prices, [model]);
    return new Promise((resolve, reject) => {
      const stop = () => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal?.reason);
        // Whoever stood behind may need less.
        admitWaiting();
      };
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", stop);
          settle(value);
        };
      const entry: Waiting = { request, worst: getMaxUsage(request), enter: settled(resolve), fail: settled(reject) };
      signal?.addEventListener("abort", stop, { once: true });
      waiting.push(entry);
      admitWaiting();
    });
  }

  return {
    middleware: (access) => async (request, config) => {
      const call = await reserve(request, config.signal);
      try {
        const reply: ModelResponse = await access(request, config);
        call.commit(reply.usage);
        return reply;
      } catch (error) {
        if (isPossiblyCharged(error)) call.commitMax();
        else call.release();
        throw error;
      } finally {
        admitWaiting();
      }
    },
    getUsage: () => summarizeUsage(ledger.usage, prices),
  };
}

function parseLimit(name: string, limit: number | null): number {
  if (limit === null) return Infinity;
  if (Number.isFinite(limit) && limit > 0) return limit;
  throw new InputError(`\`${name}\` must be a number above 0, or be left out; it is ${limit}`, { field: name });
}

function add(a: TokensAndCost, b: TokensAndCost): TokensAndCost {
  return { tokens: a.tokens + b.tokens, usd: a.usd + b.usd };
}

/** The limit that an amount is above. */
function findExceededLimit(amount: TokensAndCost, most: TokensAndCost): keyof TokensAndCost | null {
  if (amount.tokens > most.tokens) return "tokens";
  return amount.usd > most.usd ? "usd" : null;
}

function getPrereserveCount(taken: TokensAndCost, needed: TokensAndCost, most: TokensAndCost): number {
  const within = (unit: keyof TokensAndCost) =>
    needed[unit] === 0 ? maxPrereserved : Math.floor((prereserveShare * (most[unit] - taken[unit])) / needed[unit]);
  return Math.min(maxPrereserved, within("tokens"), within("usd"));
}
