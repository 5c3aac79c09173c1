import { getSeedTitle } from "../../dataset/seeds/seed-title.js";
import type { Settings } from "../../state/settings.js";
import { createConversationLabels } from "../../tracing/labels.js";
import type { ConversationTask } from "../conversation-runner.js";
import { computeSettingsFingerprint } from "../fingerprint.js";

/** Input of {@link getRunLabels}. */
export interface RunLabelsInput {
  readonly settings: Settings;
  readonly task: ConversationTask;
  /** Label for all traces of this job. */
  readonly experiment?: string;
}

/** Returns the name, tags and metadata of a run on a server, as its API expects them. They equal those of a local job. */
export function getRunLabels({ settings, task: { id, index, seed }, experiment }: RunLabelsInput) {
  const fingerprint = computeSettingsFingerprint(settings);
  const { tags, metadata } = createConversationLabels({ id, seedIndex: index, settings, fingerprint }, experiment);
  // The API accepts `run_name`, although the type of its client lacks it.
  return { config: { run_name: getSeedTitle(seed), tags: [...tags] }, metadata };
}
