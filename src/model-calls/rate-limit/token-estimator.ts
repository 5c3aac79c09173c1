import { type ModelRequest, type TokenUsage, getCallerKind } from "../model-call.js";

/** Replies that a moving average looks back on. */
const windowSize = 20;
/** Usual for English; other languages show in the first usage reports. */
const tokensPerCharacter = 1 / 4;

interface RoleAverage {
  replies: number;
  perCharacter: number;
  output: number;
}

/**
 * Guesses what a call will cost in tokens, from what earlier calls of its role cost: tokens a character for the prompt, which
 * grows from turn to turn, and tokens for the reply, which does not. Before the first reply: a quarter of a token a
 * character, and half the output limit.
 */
export class TokenEstimator {
  readonly #roles = new Map<string, RoleAverage>();

  estimate(request: ModelRequest): number {
    const seen = this.#roles.get(getCallerKind(request.caller));
    return Math.ceil(charactersOf(request) * (seen?.perCharacter ?? tokensPerCharacter) + (seen?.output ?? request.settings.maxOutputTokens / 2));
  }

  /** Learns from a reply, and returns what it cost; null, and nothing learnt, where the endpoint did not say. */
  observe(request: ModelRequest, { inputTokens, outputTokens }: TokenUsage): number | null {
    if (inputTokens === null || outputTokens === null) return null;
    const seen = this.#roles.get(getCallerKind(request.caller)) ?? { replies: 0, perCharacter: 0, output: 0 };
    const weight = 1 / Math.min(++seen.replies, windowSize);
    seen.perCharacter += weight * (inputTokens / Math.max(1, charactersOf(request)) - seen.perCharacter);
    seen.output += weight * (outputTokens - seen.output);
    this.#roles.set(getCallerKind(request.caller), seen);
    return inputTokens + outputTokens;
  }
}

function charactersOf(request: ModelRequest): number {
  return request.messages.reduce((sum, message) => sum + message.text.length, 0);
}
