import type { Settings } from "../../state/settings.js";
import { conversationLabels } from "../../tracing/labels.js";
import type { ConversationTask } from "../conversation-runner.js";
import { settingsFingerprint } from "../fingerprint.js";
import { getSeedTitle } from "../../dataset/seeds/seed-title.js";

/** What the labels of a run on a server follow from. */
export interface RunLabelsInput {
  readonly settings: Settings;
  readonly task: ConversationTask;
  /** A name to find the traces of this job by. */
  readonly experiment?: string;
}

/** Name and labels of a run, as a server's API takes them: where the server traces, they are those of a job in this process. */
export function getRunLabels({ settings, task: { id, index, seed }, experiment }: RunLabelsInput) {
  const fingerprint = settingsFingerprint(settings);
  const { tags, metadata } = conversationLabels({ id, seedIndex: index, settings, fingerprint }, experiment);
  // The API hands `run_name` on, though its client does not know of it.
  return { config: { run_name: getSeedTitle(seed), tags: [...tags] }, metadata };
}
