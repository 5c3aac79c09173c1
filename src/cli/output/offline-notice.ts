import { getModelNames } from "../../generation/open-local-backend.js";
import type { Logger } from "../../logger.js";
import type { Settings } from "../../state/settings.js";

/** Logs that the offline model makes no training data, if it is used. */
export function logOfflineNotice(settings: Settings, logger: Logger): void {
  if (!usesOfflineModel(settings)) return;
  logger.info("The offline model needs no key and no network. Its conversations are examples for trying things out, not for training.");
}

/** Returns what to do after a run with the offline model; nothing after any other. */
export function getNextSteps(settings: Settings, rows: string): string[] {
  if (!usesOfflineModel(settings)) return [];
  return [
    "",
    "Next:",
    `  look at one row      head -n 1 ${rows}`,
    '  watch one run        npx review-instruct run "Why does bread go stale?"',
    "  use a real model     npx review-instruct generate <seeds> --output <dir> --model openai:<name> [--base-url <url>]",
    "  see every option     npx review-instruct generate --help",
  ];
}

function usesOfflineModel(settings: Settings): boolean {
  return getModelNames(settings).includes("offline");
}
