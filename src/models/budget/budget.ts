import { InputError, ReviewInstructError } from "../../errors.js";
import type { ModelAccess, ModelReply, ModelRequest } from "../../nodes/model-access.js";
import { type Tokens, chargedTokens } from "./ledger-lines.js";
import type { Ledger, OpenCall } from "./ledger.js";
import { limitText, partOfLimits } from "./limits.js";
import { type PriceTable, assertPriced, priceOf, totalCost } from "./prices.js";
import { type Spent, assumedTokens, spentOf } from "./spent.js";
import { mayHaveBeenCharged, worstCase } from "./worst-case.js";

/** A limit is reached: nothing more may be sent. Stops the run; raising the limit and resuming goes on. Code `budget_exhausted`. */
export class BudgetError extends ReviewInstructError {
  override readonly name = "BudgetError";

  constructor(message: string, facts: { limit: "maxTokens" | "maxUsd"; most: number; spent: number; needed: number; role: string; model: string }) {
    super("budget_exhausted", message, facts);
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
  readonly ledger: Ledger;
}

export interface Budget {
  /**
   * Lets an attempt go out only if even its worst case keeps within the limits. One that does not fit beside the calls in
   * flight waits for them, first come, first served, or until its signal fires; one that would not fit even if none of them
   * were charged fails with `BudgetError`. Throws `InputError` where `maxUsd` meets a model without a price.
   */
  readonly wrap: (access: ModelAccess) => ModelAccess;
  /** What all runs of the ledger spent so far. */
  readonly spent: () => Spent;
}

/** An amount in the units of both limits. */
interface Amount {
  readonly tokens: number;
  readonly usd: number;
}

interface Waiting {
  readonly request: ModelRequest;
  readonly worst: Tokens;
  readonly enter: (call: OpenCall) => void;
  readonly fail: (reason: unknown) => void;
}

/** Most worst cases that are put on record ahead, and the share of what is left that they may take: a kill charges them. */
const mostAhead = 8;
const shareAhead = 0.02;

/**
 * Keeps spending within limits. A call is charged at its worst case while it is in flight, and at what its endpoint counted
 * once it replied. It stays at the worst case where the endpoint did not count, or failed in a way that may have been charged
 * (see {@link mayHaveBeenCharged}). So what endpoints count never exceeds a limit, nor over resumes and kills if the ledger is
 * kept in a file. Throws `InputError` for a limit that is no positive number, or if `maxUsd` meets a ledger with unpriced models.
 */
export function createBudget({ maxTokens = null, maxUsd = null, shards = 1, prices, ledger }: BudgetOptions): Budget {
  const part = partOfLimits({ maxTokens, maxUsd }, shards);
  const most: Amount = { tokens: limitOf("maxTokens", part.maxTokens), usd: limitOf("maxUsd", part.maxUsd) };
  if (maxUsd !== null) assertPriced(prices, ledger.accounts.keys());
  const waiting: Waiting[] = [];

  function amountOf(usages: Iterable<readonly [string, Tokens & { readonly cachedInputTokens?: number }]>): Amount {
    const listed = [...usages];
    const tokens = listed.reduce((sum, [, usage]) => sum + usage.inputTokens + usage.outputTokens, 0);
    // Without a limit in dollars, models without a price do no harm.
    return { tokens, usd: totalCost(listed, prices).usd ?? 0 };
  }

  function charged(): Amount {
    return amountOf(
      [...ledger.accounts].map(([model, account]) => [model, { ...chargedTokens(account), cachedInputTokens: account.cachedInputTokens }]),
    );
  }

  /** Lets in whoever is next, as far as there is room, and turns away whoever can never get in. */
  function admit(): void {
    for (let next = waiting[0]; next; next = waiting[0]) {
      const { request, worst } = next;
      const { model } = request.settings;
      const spent = charged();
      const needed = amountOf([[model, worst]]);
      const limit = limitPassed(add(spent, needed), most);
      const taken = add(add(spent, amountOf(ledger.inFlight)), needed);
      if (limit === null && limitPassed(taken, most) !== null) return;
      waiting.shift();
      if (limit !== null) {
        next.fail(exhausted(limit, request, spent, needed));
        continue;
      }
      try {
        next.enter(ledger.begin(model, worst, callsAhead(taken, needed, most)));
      } catch (error) {
        next.fail(error);
      }
    }
  }

  function exhausted(limit: keyof Amount, { role, settings: { model } }: ModelRequest, spent: Amount, needed: Amount): BudgetError {
    const name = limit === "tokens" ? "maxTokens" : "maxUsd";
    const told = (amount: number) => (limit === "tokens" ? `${amount} tokens` : `$${amount.toFixed(4)}`);
    const assumed = limit === "tokens" ? assumedTokens(ledger.accounts) : 0;
    const message =
      `the budget is used up: ${told(spent[limit])} of ${limitText(name, most[limit], shards)} are spent${assumed > 0 ? ` (${assumed} of them assumed, for calls that were not counted)` : ""}, ` +
      `and the next call (${role}, ${model}) may take up to ${told(needed[limit])}. Raise ${name} and resume to go on`;
    return new BudgetError(message, { limit: name, most: most[limit], spent: spent[limit], needed: needed[limit], role, model });
  }

  function roomFor(request: ModelRequest, signal: AbortSignal | undefined): Promise<OpenCall> {
    signal?.throwIfAborted();
    const { model } = request.settings;
    if (maxUsd !== null && priceOf(prices, model) === null) assertPriced(prices, [model]);
    return new Promise((resolve, reject) => {
      const stop = () => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal?.reason);
        // Whoever stood behind may need less.
        admit();
      };
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", stop);
          settle(value);
        };
      const entry: Waiting = { request, worst: worstCase(request), enter: settled(resolve), fail: settled(reject) };
      signal?.addEventListener("abort", stop, { once: true });
      waiting.push(entry);
      admit();
    });
  }

  return {
    wrap: (access) => async (request, config) => {
      const call = await roomFor(request, config.signal);
      try {
        const reply: ModelReply = await access(request, config);
        call.replied(reply.usage);
        return reply;
      } catch (error) {
        if (mayHaveBeenCharged(error)) call.uncertain();
        else call.released();
        throw error;
      } finally {
        admit();
      }
    },
    spent: () => spentOf(ledger.accounts, prices),
  };
}

function limitOf(name: string, limit: number | null): number {
  if (limit === null) return Infinity;
  if (Number.isFinite(limit) && limit > 0) return limit;
  throw new InputError(`\`${name}\` must be a number above 0, or be left out; it is ${limit}`, { field: name });
}

function add(a: Amount, b: Amount): Amount {
  return { tokens: a.tokens + b.tokens, usd: a.usd + b.usd };
}

/** The limit that an amount is above. */
function limitPassed(amount: Amount, most: Amount): keyof Amount | null {
  if (amount.tokens > most.tokens) return "tokens";
  return amount.usd > most.usd ? "usd" : null;
}

function callsAhead(taken: Amount, needed: Amount, most: Amount): number {
  const within = (unit: keyof Amount) => (needed[unit] === 0 ? mostAhead : Math.floor((shareAhead * (most[unit] - taken[unit])) / needed[unit]));
  return Math.min(mostAhead, within("tokens"), within("usd"));
}
