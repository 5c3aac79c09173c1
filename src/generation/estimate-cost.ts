import type { CallerEstimate, JobEstimate, Range } from "../jobs/job-estimate.js";
import { type PriceTable, calculateCost, getPrice } from "../model-calls/budget/prices.js";
import { formatCaller, getCallerKind } from "../model-calls/model-call.js";
import { withInProcessPrices } from "../models/registry.js";
import type { ResolvedSettings } from "../state/resolve-settings.js";
import { type CallerPlan, type PromptPlan, planModelCalls } from "./call-plan.js";
import type { SeedScan } from "./scan-seeds.js";

/** Tokens per character of prompt or seed. English prose has about 4.5 characters per token, other text fewer. */
const tokensPerChar: Range = { low: 1 / 5.5, high: 1 / 2.5 };
/** Tokens per word of the word limit: responses can be shorter, and words of many languages take two tokens. */
const tokensPerWord: Range = { low: 0.5, high: 2 };
/** Words that the prompts of chairman and reviewers request. */
const instructionWords: Range = { low: 20, high: 60 };
const critiqueWords: Range = { low: 80, high: 120 };
/** Tokens of the JSON around the text of a response. The chairman can also respond in plain text. */
const instructionJson: Range = { low: 0, high: 15 };
const reviewJson: Range = { low: 40, high: 90 };
/** Tokens that a chat template adds to each message. */
const tokensPerMessage: Range = { low: 3, high: 8 };

/**
 * Estimates calls, tokens and cost of a job before its first call.
 *
 * Calls are those of {@link planModelCalls}. Tokens are a range, computed from the real prompts and from text lengths that
 * the constants of this file assume. Hidden reasoning is not included.
 */
export function estimateConversations(
  settings: ResolvedSettings,
  { count, characters }: Pick<SeedScan, "count" | "characters">,
  prices: PriceTable,
): JobEstimate {
  const seedChars = count === 0 ? 0 : characters / count;
  const allPrices = withInProcessPrices(prices);
  const callers = planModelCalls(settings).map((plan) => estimateCaller(plan, { count, seedChars, settings, prices: allPrices }));
  const callerCosts = callers.flatMap(({ usd }) => (usd ? [usd] : []));
  return {
    items: count,
    calls: callers.reduce((sum, { calls }) => sum + calls, 0),
    inputTokens: addRanges(callers.map((caller) => caller.inputTokens)),
    outputTokens: addRanges(callers.map((caller) => caller.outputTokens)),
    usd: callerCosts.length === callers.length ? addRanges(callerCosts) : null,
    unpricedModels: [...new Set(callers.filter(({ usd }) => usd === null).map(({ model }) => model))],
    callers,
  };
}

interface Assumptions {
  readonly count: number;
  readonly seedChars: number;
  readonly settings: ResolvedSettings;
  readonly prices: PriceTable;
}

function estimateCaller(plan: CallerPlan, { count, seedChars, settings, prices }: Assumptions): CallerEstimate {
  const { caller, prompts } = plan;
  const { model } = plan.settings;
  const estimateUsage = (bound: keyof Range) => ({
    inputTokens: Math.round(count * prompts.reduce((sum, prompt) => sum + estimateInput(prompt, settings, seedChars, bound), 0)),
    outputTokens: Math.round(count * prompts.length * estimateOutput(plan, settings, bound)),
  });
  const low = estimateUsage("low");
  const high = estimateUsage("high");
  const price = getPrice(prices, model);
  const minUsd = calculateCost(low, price);
  const maxUsd = calculateCost(high, price);
  return {
    caller: formatCaller(caller),
    model,
    calls: count * prompts.length,
    inputTokens: { low: low.inputTokens, high: high.inputTokens },
    outputTokens: { low: low.outputTokens, high: high.outputTokens },
    usd: minUsd === null || maxUsd === null ? null : { low: minUsd, high: maxUsd },
  };
}

function estimateInput(prompt: PromptPlan, settings: ResolvedSettings, seedChars: number, bound: keyof Range): number {
  const { messages, schema, answers, instructions, critiques } = prompt;
  const chars = messages.reduce((sum, message) => sum + message.text.length, seedChars);
  // Only some endpoints count the schema as input.
  const schemaChars = bound === "high" && schema ? JSON.stringify(schema).length : 0;
  return (
    (chars + schemaChars) * tokensPerChar[bound] +
    messages.length * tokensPerMessage[bound] +
    answers * estimateAnswer(settings, bound) +
    (instructions * instructionWords[bound] + critiques * critiqueWords[bound]) * tokensPerWord[bound]
  );
}

function estimateOutput({ caller, settings: { maxOutputTokens } }: CallerPlan, settings: ResolvedSettings, bound: keyof Range): number {
  const kind = getCallerKind(caller);
  if (kind === "candidate") return estimateAnswer(settings, bound);
  const [words, json] = kind === "reviewer" ? [critiqueWords, reviewJson] : [instructionWords, instructionJson];
  return Math.min(maxOutputTokens, words[bound] * tokensPerWord[bound] + json[bound]);
}

function estimateAnswer({ candidate, wordLimit }: ResolvedSettings, bound: keyof Range): number {
  return Math.min(candidate.maxOutputTokens, wordLimit * tokensPerWord[bound]);
}

function addRanges(ranges: readonly Range[]): Range {
  return ranges.reduce((sum, { low, high }) => ({ low: sum.low + low, high: sum.high + high }), { low: 0, high: 0 });
}
