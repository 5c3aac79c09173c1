import { ReviewInstructError } from "../../errors.js";
import type { ConversationBackend } from "../../generation/conversation-runner.js";
import type { GenerateJobResult } from "../../generation/generate-job.js";
import { formatCount } from "./format-estimate.js";

/** What a summary says of the models' use; a backend has it. */
export type UsageSource = Pick<ConversationBackend, "getUsage" | "getCacheStats">;

/** Formats the result of a generation job for people, one line per string. */
export function formatSummary(result: GenerateJobResult, source: UsageSource | null): string[] {
  const { total, finished, resumed, failed, earlyStops } = result;
  const pending = countPending(result);
  return [
    "",
    `Conversations: ${finished + resumed} of ${total} finished${resumed > 0 ? ` (${resumed} by earlier runs)` : ""}, ${failed} failed, ${pending} pending.`,
    ...(earlyStops > 0 ? [`${earlyStops} stopped before their last turn; each row says why.`] : []),
    ...formatAbstentions(result.abstentions),
    ...(source ? formatUsage(source) : []),
    `Rows: ${result.rows}`,
    ...(failed > 0 ? [`Failures: ${result.failures} (--retry-failed tries them again)`] : []),
    ...formatFailureKinds(result.failureKinds),
    ...(pending > 0 ? ["The same command continues with the pending ones."] : []),
  ];
}

const maxFailureKinds = 3;
const maxMessageLength = 600;

/** What failed conversations of this run met, so that nobody has to open a file for it. */
function formatFailureKinds(kinds: GenerateJobResult["failureKinds"]): string[] {
  const lines = kinds.slice(0, maxFailureKinds).map(({ code, count, message }) => {
    const shown = message.replaceAll(/\s+/g, " ");
    return `  ${formatCount(count)} failed with ${code}${count > 1 ? ", the first" : ""}: ${shown.length > maxMessageLength ? `${shown.slice(0, maxMessageLength)}...` : shown}`;
  });
  return kinds.length > maxFailureKinds ? [...lines, `  ${formatCount(kinds.length - maxFailureKinds)} more kinds of failures`] : lines;
}

function formatAbstentions(abstentions: GenerateJobResult["abstentions"]): string[] {
  const byReviewer = Object.entries(abstentions).sort(([, a], [, b]) => b - a);
  if (byReviewer.length === 0) return [];
  const total = byReviewer.reduce((sum, [, count]) => sum + count, 0);
  const list = byReviewer.map(([reviewer, count]) => `${reviewer} ${formatCount(count)}`).join(", ");
  return [`Reviewers abstained ${total === 1 ? "once" : `${formatCount(total)} times`} in this run's conversations (${list}); each row says why.`];
}

/** Formats the same for programs: one JSON object of type `summary`. */
export function toJsonSummary(result: GenerateJobResult, source: UsageSource | null): string {
  const { active: _active, stopped, rows, ...counts } = result;
  const reason = stopped instanceof ReviewInstructError ? stopped.code : stopped instanceof Error ? "unexpected" : stopped;
  return JSON.stringify({
    type: "summary",
    ...counts,
    conversations: rows,
    stopped: reason,
    pending: countPending(result),
    usage: source?.getUsage() ?? null,
    cache: source?.getCacheStats() ?? null,
  });
}

function countPending({ total, finished, resumed, failed }: GenerateJobResult): number {
  return Math.max(0, total - finished - resumed - failed);
}

function formatUsage({ getUsage, getCacheStats }: UsageSource): string[] {
  const { calls, inputTokens, outputTokens, usd, unpricedModels, uncountedTokens } = getUsage();
  const cost = usd === null ? `cost unknown (no price for ${unpricedModels.join(", ")})` : `$${usd.toFixed(4)}`;
  const cache = getCacheStats();
  return [
    `Used by all runs of this folder: ${formatCount(calls)} calls, ${formatCount(inputTokens)} input and ${formatCount(outputTokens)} output tokens, ${cost}.`,
    ...(uncountedTokens > 0
      ? [`Up to ${formatCount(uncountedTokens)} more tokens may have been charged by calls whose usage was not reported (kills, timeouts, resets).`]
      : []),
    ...(cache ? [`Answered from the cache: ${formatCount(cache.hits)} of ${formatCount(cache.hits + cache.misses)} requests.`] : []),
  ];
}
