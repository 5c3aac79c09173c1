import type { Role } from "../../state/records.js";
import type { Settings } from "../../state/settings.js";
import { type PlannedPrompt, type PlannedRole, planCalls } from "./call-plan.js";
import { type PriceTable, costOf, priceOf } from "./prices.js";

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** What one role will take over a whole job. */
export interface RoleEstimate {
  readonly role: Role;
  readonly reviewer?: string;
  readonly model: string;
  readonly calls: number;
  readonly inputTokens: Range;
  readonly outputTokens: Range;
  /** US dollars; null where the model has no price. */
  readonly usd: Range | null;
}

export interface JobEstimate {
  readonly calls: number;
  readonly inputTokens: Range;
  readonly outputTokens: Range;
  /** US dollars; null where a price is unknown. */
  readonly usd: Range | null;
  readonly unpricedModels: readonly string[];
  readonly roles: readonly RoleEstimate[];
}

export interface JobOptions {
  readonly conversations: number;
  readonly settings: Settings;
  readonly prices: PriceTable;
  /** Characters of a seed on average: instruction, input and system prompt together. */
  readonly seedChars: number;
}

/** Tokens for a character of prompt or seed: English prose has about 4.5 characters a token, other languages and marks fewer. */
const tokensPerChar: Range = { low: 1 / 5.5, high: 1 / 2.5 };
/** Tokens for each word that a role may write: replies may be short, and words of many languages take two tokens. */
const tokensPerWord: Range = { low: 0.5, high: 2 };
/** Words that the chairman and the reviewers are asked for; see their prompts. */
const instructionWords: Range = { low: 20, high: 60 };
const critiqueWords: Range = { low: 80, high: 120 };
/** Tokens of a reply's JSON around its text. The chairman may also reply in plain text. */
const instructionJson: Range = { low: 0, high: 15 };
const reviewJson: Range = { low: 40, high: 90 };
/** Tokens that a chat template puts around a message. */
const aroundMessage: Range = { low: 3, high: 8 };

/**
 * What a job will take, before its first call. Calls are exact in the sense of {@link planCalls}. Tokens are a range: the
 * prompts as they are really built, growing from turn to turn, around texts of the lengths assumed at the top of this file.
 * Hidden thinking comes on top. Input that an endpoint may have cached counts in full.
 */
export function estimateJob(job: JobOptions): JobEstimate {
  const roles = planCalls(job.settings).map((planned) => estimateRole(job, planned));
  const known = roles.flatMap(({ usd }) => (usd ? [usd] : []));
  return {
    calls: roles.reduce((sum, { calls }) => sum + calls, 0),
    inputTokens: total(roles.map((role) => role.inputTokens)),
    outputTokens: total(roles.map((role) => role.outputTokens)),
    usd: known.length === roles.length ? total(known) : null,
    unpricedModels: [...new Set(roles.filter(({ usd }) => usd === null).map(({ model }) => model))],
    roles,
  };
}

function estimateRole({ conversations, settings, prices, seedChars }: JobOptions, planned: PlannedRole): RoleEstimate {
  const { role, reviewer, model, prompts } = planned;
  const usage = (bound: keyof Range) => ({
    inputTokens: Math.round(conversations * prompts.reduce((sum, prompt) => sum + inputTokens(prompt, settings, seedChars, bound), 0)),
    outputTokens: Math.round(conversations * prompts.length * outputTokens(planned, settings, bound)),
  });
  const low = usage("low");
  const high = usage("high");
  const price = priceOf(prices, model);
  const least = costOf(low, price);
  const most = costOf(high, price);
  return {
    role,
    ...(reviewer === undefined ? {} : { reviewer }),
    model,
    calls: conversations * prompts.length,
    inputTokens: { low: low.inputTokens, high: high.inputTokens },
    outputTokens: { low: low.outputTokens, high: high.outputTokens },
    usd: least === null || most === null ? null : { low: least, high: most },
  };
}

function inputTokens(prompt: PlannedPrompt, settings: Settings, seedChars: number, bound: keyof Range): number {
  const { messages, schema, answers, instructions, critiques } = prompt;
  const chars = messages.reduce((sum, message) => sum + message.text.length, seedChars);
  // Only some endpoints count the schema.
  const schemaChars = bound === "high" && schema ? JSON.stringify(schema).length : 0;
  return (
    (chars + schemaChars) * tokensPerChar[bound] +
    messages.length * aroundMessage[bound] +
    answers * answerTokens(settings, bound) +
    (instructions * instructionWords[bound] + critiques * critiqueWords[bound]) * tokensPerWord[bound]
  );
}

function outputTokens({ role, outputLimit }: PlannedRole, settings: Settings, bound: keyof Range): number {
  if (role === "candidate") return answerTokens(settings, bound);
  const [words, json] = role === "reviewer" ? [critiqueWords, reviewJson] : [instructionWords, instructionJson];
  return Math.min(outputLimit, words[bound] * tokensPerWord[bound] + json[bound]);
}

function answerTokens({ candidate, wordLimit }: Settings, bound: keyof Range): number {
  return Math.min(candidate.outputLimit, wordLimit * tokensPerWord[bound]);
}

function total(ranges: readonly Range[]): Range {
  return ranges.reduce((sum, { low, high }) => ({ low: sum.low + low, high: sum.high + high }), { low: 0, high: 0 });
}
