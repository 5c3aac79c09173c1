import { type ModelSettings, type RoleModelSettings, RunModelSettings, toAddress } from "./model-settings.js";
import type { ReviewerSettings, Settings } from "./settings.js";

/** One member of the panel with its model settings resolved. */
export interface ResolvedReviewer extends ModelSettings {
  readonly name: string;
  readonly focus: string;
}

/** Settings of one run with all dependencies resolved: every role has a model, and mode, turns, panel and quorum agree. */
export interface ResolvedSettings extends Pick<
  Settings,
  "mode" | "language" | "wordLimit" | "tieBreak" | "reviewFinalTurn" | "keepReasoning" | "humanReview" | "turns" | "quorum"
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
  const { mode, language, wordLimit, tieBreak, reviewFinalTurn, keepReasoning, humanReview } = settings;
  const panel = getActiveReviewers(settings).map(({ name, focus, ...own }) => ({ name, focus, ...resolveModel(settings, own) }));
  return {
    mode,
    language,
    wordLimit,
    tieBreak,
    reviewFinalTurn,
    keepReasoning,
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

/** A role's own value takes precedence. `null` is such a value: `baseUrl: null` selects the provider's own endpoint. */
function resolveModel(settings: Settings, own: RoleModelSettings): ModelSettings {
  const merged = RunModelSettings.parse({ ...settings, ...omitValues(own, (value) => value === undefined) });
  const { model, baseUrl, apiKeyEnv, temperature, maxOutputTokens, ...optional } = merged;
  return { model, ...toAddress(baseUrl), apiKeyEnv, temperature, maxOutputTokens, ...omitValues(optional, isUnset) };
}

/** Left out, so that a setting that is added later changes nothing where it is not used. */
function isUnset(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function omitValues<T extends object>(values: T, isOmitted: (value: unknown) => boolean): Partial<T> {
  const kept: Partial<T> = { ...values };
  for (const name in kept) if (isOmitted(kept[name])) delete kept[name];
  return kept;
}
