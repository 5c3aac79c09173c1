import { type ModelRequest, type TokenUsage, getCallerKind } from "../model-call.js";

/** Number of responses that the moving average covers. */
const windowSize = 20;
/** Usual for English. For other languages the first usage reports correct it. */
const defaultTokensPerCharacter = 1 / 4;

/** Averages of one kind of caller. */
interface CallerAverage {
  responses: number;
  tokensPerCharacter: number;
  outputTokens: number;
}

/**
 * Estimates how many tokens a call will use, from earlier calls of the same kind of caller.
 *
 * The input is estimated per character, as prompts grow from turn to turn; the output is an average. Before the first
 * response: a quarter of a token per character, and half the output limit.
 */
export class TokenEstimator {
  readonly #averages = new Map<string, CallerAverage>();

  estimate(request: ModelRequest): number {
    const average = this.#averages.get(getCallerKind(request.caller));
    const inputTokens = countCharacters(request) * (average?.tokensPerCharacter ?? defaultTokensPerCharacter);
    return Math.ceil(inputTokens + (average?.outputTokens ?? request.settings.maxOutputTokens / 2));
  }

  /**
   * Updates the averages from a response.
   *
   * @returns The tokens that the call used. Null, with no update, if the endpoint did not report them.
   */
  observe(request: ModelRequest, { inputTokens, outputTokens }: TokenUsage): number | null {
    if (inputTokens === null || outputTokens === null) return null;
    const kind = getCallerKind(request.caller);
    const average = this.#averages.get(kind) ?? { responses: 0, tokensPerCharacter: 0, outputTokens: 0 };
    const weight = 1 / Math.min(++average.responses, windowSize);
    average.tokensPerCharacter += weight * (inputTokens / Math.max(1, countCharacters(request)) - average.tokensPerCharacter);
    average.outputTokens += weight * (outputTokens - average.outputTokens);
    this.#averages.set(kind, average);
    return inputTokens + outputTokens;
  }
}

function countCharacters(request: ModelRequest): number {
  return request.messages.reduce((sum, message) => sum + message.text.length, 0);
}
