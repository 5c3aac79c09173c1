import type { ModelSettings, ReviewerSettings, Settings } from "./settings.js";

/** One member of the panel with its model settings resolved. */
export interface ResolvedReviewer extends ModelSettings {
  readonly name: string;
  readonly focus: string;
}

/** Settings of one run with all dependencies resolved: every role has a model, and mode, turns, panel and quorum agree. */
export interface ResolvedSettings extends Pick<
  Settings,
  "mode" | "language" | "wordLimit" | "tieBreak" | "reviewFinalTurn" | "humanReview" | "turns" | "quorum"
> {
  /** Models of the two other roles. */
  readonly candidate: ModelSettings;
  readonly chairman: ModelSettings;
  /** The reviewers that review in this mode: none, the first, or all. */
  readonly panel: readonly ResolvedReviewer[];
}

/**
 * Resolves settings for one run.
 *
 * @param settings Validated settings.
 * @returns Models, endpoints and sampling per role; `turns` is 1 in `single_turn`; `quorum` is at most the panel's size.
 */
export function resolveSettings(settings: Settings): ResolvedSettings {
  const { mode, language, wordLimit, tieBreak, reviewFinalTurn, humanReview } = settings;
  const panel = getActiveReviewers(settings).map(({ name, focus, ...own }) => ({ name, focus, ...resolveModel(settings, own) }));
  return {
    mode,
    language,
    wordLimit,
    tieBreak,
    reviewFinalTurn,
    humanReview,
    turns: mode === "single_turn" ? 1 : settings.turns,
    quorum: Math.min(settings.quorum, panel.length),
    candidate: resolveModel(settings, settings.candidate),
    chairman: resolveModel(settings, settings.chairman),
    panel,
  };
}

/** Lists the model settings of every role that may be called, candidate first. */
export function getRoleModels({ candidate, chairman, panel }: ResolvedSettings): ModelSettings[] {
  return [candidate, chairman, ...panel];
}

function getActiveReviewers({ mode, panel }: Settings): readonly ReviewerSettings[] {
  if (mode === "multi_review") return panel;
  return mode === "one_review" ? panel.slice(0, 1) : [];
}

/** A role's own value takes precedence. `baseUrl: null` is such a value: it selects the provider's own endpoint. */
function resolveModel(settings: Settings, own: Settings["candidate"]): ModelSettings {
  return {
    model: own.model ?? settings.model,
    baseUrl: own.baseUrl === undefined ? settings.baseUrl : own.baseUrl,
    apiKeyEnv: own.apiKeyEnv ?? settings.apiKeyEnv,
    temperature: own.temperature,
    maxOutputTokens: own.maxOutputTokens,
  };
}
