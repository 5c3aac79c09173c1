import type { Settings } from "../state/settings.js";

/** Returns the `language` setting as words that complete the sentence "Write in ...". */
export function getLanguageInstruction(settings: Pick<Settings, "language">): string {
  return settings.language === "same as the seed" ? "the language of the user's first message" : settings.language;
}
