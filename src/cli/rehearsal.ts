import type { Logger } from "../logger.js";
import { type Settings, modelFor, seatedPanel } from "../state/settings.js";

/** Says once that the offline model rehearses and does not make training data. */
export function rehearsalNotice(settings: Settings, logger: Logger): void {
  const models = [settings.candidate, settings.chairman, ...seatedPanel(settings)].map((role) => modelFor(settings, role).model);
  if (models.includes("offline")) {
    logger.info("The offline model rehearses the loop with no key and no network. Its conversations are for trying things out, not for training.");
  }
}
