import type { RunnableConfig } from "@langchain/core/runnables";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";

import type { Role } from "../state/records.js";
import { Settings } from "../state/settings.js";
import type { ReviewEvent } from "./events.js";

/** What LangGraph hands to a node beside the state. */
export type NodeRuntime = LangGraphRunnableConfig;

/** The run's settings with every default filled in; LangGraph checks a context but does not complete it. */
export function settingsOf(runtime: NodeRuntime): Settings {
  return Settings.parse(runtime.context ?? {});
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
  readonly promptVersion: string;
}

/** The node's own config with a run name, tags and metadata for one model call: `review: accuracy turn 2`. */
export function callConfig(runtime: NodeRuntime, labels: CallLabels): RunnableConfig {
  const { role, turn, reviewer } = labels;
  return {
    ...runtime,
    runName: `${reviewer === undefined ? role : `review: ${reviewer}`} turn ${turn}`,
    tags: [...(runtime.tags ?? []), `role:${role}`, `turn:${turn}`, ...(reviewer === undefined ? [] : [`reviewer:${reviewer}`])],
    metadata: { ...runtime.metadata, ...labels },
  };
}
