import type { Logger } from "../../logger.js";
import { getModelNames } from "../../generation/open-local-backend.js";
import type { Settings } from "../../state/settings.js";

/** Says once that the offline model rehearses and does not make training data. */
export function logOfflineNotice(settings: Settings, logger: Logger): void {
  if (getModelNames(settings).includes("offline")) {
    logger.info("The offline model rehearses the loop with no key and no network. Its conversations are for trying things out, not for training.");
  }
}

/** Where to go from a rehearsal. */
export function getNextSteps(settings: Settings, rows: string): string[] {
  if (!getModelNames(settings).includes("offline")) return [];
  return [
    "",
    "Next:",
    `  look at one          head -n 1 ${rows}`,
    '  watch one grow       npx review-instruct run "Why does bread go stale?"',
    "  use a real model     npx review-instruct generate <seeds> --output <dir> --model openai:<name> [--base-url <url>]",
    "  see every option     npx review-instruct generate --help",
  ];
}
