import type { RunnableConfig } from "@langchain/core/runnables";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";

import type { Role } from "../state/records.js";
import { Settings } from "../state/settings.js";
import type { ReviewEvent } from "./events.js";

/** What LangGraph hands to a node beside the state. */
export type NodeRuntime = LangGraphRunnableConfig;

/** A context is settled once: every node of a run gets the same object. */
const settled = new WeakMap<object, Settings>();

/** The run's settings with every default filled in; LangGraph checks a context but does not complete it. */
export function settingsOf({ context = {} }: NodeRuntime): Settings {
  const settings = settled.get(context) ?? Settings.parse(context);
  settled.set(context, settings);
  return settings;
}

/** Tells whoever streams this run ("custom" stream mode) what just happened. */
export function emit(runtime: NodeRuntime, event: ReviewEvent): void {
  runtime.writer?.(event);
}

/** What a call is, for traces: everything that one may want to filter by. */
export interface CallLabels {
  readonly role: Role;
  readonly turn: number;
  readonly reviewer?: string;
  readonly evolution: string;
  /** As the settings name it. */
  readonly model: string;
  readonly promptVersion: string;
}

/** The node's own config with a run name (`review: accuracy turn 2`), and every label as a tag and as metadata, for one model call. */
export function callConfig(runtime: NodeRuntime, labels: CallLabels): RunnableConfig {
  const { role, turn, reviewer, promptVersion, ...rest } = labels;
  const tagged = { role, turn, ...(reviewer === undefined ? {} : { reviewer }), ...rest, prompt: promptVersion };
  return {
    ...runtime,
    runName: `${reviewer === undefined ? role : `review: ${reviewer}`} turn ${turn}`,
    tags: [...(runtime.tags ?? []), ...Object.entries(tagged).map(([label, value]) => `${label}:${value}`)],
    metadata: { ...runtime.metadata, ...tagged },
  };
}
