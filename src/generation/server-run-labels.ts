import type { Settings } from "../state/settings.js";
import { conversationLabels } from "../tracing/labels.js";
import type { Conversation } from "./conversation.js";
import { settingsFingerprint } from "./fingerprint.js";
import { seedName } from "./seed-name.js";

/** What the labels of a run on a server follow from. */
export interface ServerRunFacts {
  readonly settings: Settings;
  readonly conversation: Conversation;
  /** A name to find the traces of this job by. */
  readonly experiment?: string;
}

/** Name and labels of a run, as a server's API takes them: where the server traces, they are those of a job in this process. */
export function serverRunLabels({ settings, conversation: { id, index, seed }, experiment }: ServerRunFacts) {
  const fingerprint = settingsFingerprint(settings);
  const { tags, metadata } = conversationLabels({ id, seedIndex: index, settings, fingerprint }, experiment);
  // The API hands `run_name` on, though its client does not know of it.
  return { config: { run_name: seedName(seed), tags: [...tags] }, metadata };
}
