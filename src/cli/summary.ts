import { ReviewInstructError } from "../errors.js";
import type { JobResult } from "../generation/job.js";
import type { ModelStack } from "../generation/model-stack.js";

/** What a job came to, and what to do next. */
export function summaryLines(result: JobResult, stack: Spender | null): string[] {
  const { total, finished, found, failed, endedEarly } = result;
  const open = openOf(result);
  return [
    "",
    `Conversations: ${finished + found} of ${total} finished${found > 0 ? ` (${found} by earlier runs)` : ""}, ${failed} failed, ${open} open.`,
    ...(endedEarly > 0 ? [`${endedEarly} ended before their last turn; each row says why.`] : []),
    ...abstentionLines(result.abstentions),
    ...(stack ? spentLines(stack) : []),
    `Rows: ${result.conversations}`,
    ...(failed > 0 ? [`Failures: ${result.failures} (--retry-failed tries them again)`] : []),
    ...(open > 0 ? ["The same command continues with the open ones."] : []),
  ];
}

function abstentionLines(abstentions: JobResult["abstentions"]): string[] {
  const named = Object.entries(abstentions).sort(([, a], [, b]) => b - a);
  if (named.length === 0) return [];
  const total = named.reduce((sum, [, times]) => sum + times, 0);
  const list = named.map(([reviewer, times]) => `${reviewer} ${count(times)}`).join(", ");
  return [`Reviewers abstained ${total === 1 ? "once" : `${count(total)} times`} in this run's conversations (${list}); each row says why.`];
}

/** The same for programs: one JSON object of type `summary`. */
export function summaryRecord(result: JobResult, stack: Spender | null): string {
  const { active: _active, stopped, ...counts } = result;
  const code = stopped instanceof ReviewInstructError ? stopped.code : "unexpected";
  return JSON.stringify({
    type: "summary",
    ...counts,
    stopped: stopped === null || stopped === "asked" ? stopped : code,
    open: openOf(result),
    spent: stack?.spent() ?? null,
    cache: stack?.cacheStats?.() ?? null,
  });
}

function openOf({ total, finished, found, failed }: JobResult): number {
  return Math.max(0, total - finished - found - failed);
}

type Spender = Pick<ModelStack, "spent"> & Partial<Pick<ModelStack, "cacheStats">>;

function spentLines({ spent, cacheStats }: Spender): string[] {
  const { calls, inputTokens, outputTokens, usd, unpricedModels, assumedTokens } = spent();
  const cost = usd === null ? `cost unknown (no price for ${unpricedModels.join(", ")})` : `$${usd.toFixed(4)}`;
  const cache = cacheStats?.() ?? null;
  return [
    `Spent by all runs of this folder: ${count(calls)} calls, ${count(inputTokens)} input and ${count(outputTokens)} output tokens, ${cost}.`,
    ...(assumedTokens > 0
      ? [`Up to ${count(assumedTokens)} tokens more may have been charged by calls whose usage nobody told (kills, timeouts, resets).`]
      : []),
    ...(cache ? [`Answered from the cache: ${count(cache.hits)} of ${count(cache.hits + cache.misses)} requests.`] : []),
  ];
}

const count = (number: number) => number.toLocaleString("en");
