/** Codes and phrases with which endpoints refuse one prompt for what it says. */
const refusalTexts =
  /\bflagged\b|\bmoderation\b|content[-_ ](?:policy|filter|management|safety|moderation)|\bcontent was (?:blocked|filtered)|safety (?:system|filter|polic)|usage polic(?:y|ies)\b[^.]{0,40}violat|violat[^.]{0,60}(?:usage|content|safety|acceptable use) polic|ResponsibleAI|policy_violation|data_inspection_failed|inappropriate content|content exists risk|prohibited content|\bcyber_policy\b/i;
const refusalStatuses: readonly number[] = [400, 403, 422, 451];

/** Returns true if an endpoint refused this prompt for what it says, in whatever words. */
export function isPromptRefused(words: readonly string[], status: number): boolean {
  return refusalStatuses.includes(status) && words.some((word) => refusalTexts.test(word));
}
