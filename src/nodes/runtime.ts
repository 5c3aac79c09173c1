import type { RunnableConfig } from "@langchain/core/runnables";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";

import type { ModelCaller } from "../errors.js";
import { type ResolvedSettings, resolveSettings } from "../state/resolve-settings.js";
import { Settings } from "../state/settings.js";
import type { ConversationEvent } from "./events.js";

/** The second argument that LangGraph passes to a node. */
export type NodeRuntime = LangGraphRunnableConfig;

/** Returns the settings of a run. */
export type GetSettings = (runtime: NodeRuntime) => ResolvedSettings;

/** Resolved settings by context. All nodes of a run get the same context object, so each is parsed once. */
const parsedSettings = new WeakMap<object, ResolvedSettings>();

/** Returns the resolved settings of the run's context. LangGraph validates a context but does not apply defaults. */
export function getSettings({ context = {} }: NodeRuntime): ResolvedSettings {
  const settings = parsedSettings.get(context) ?? resolveSettings(Settings.parse(context));
  parsedSettings.set(context, settings);
  return settings;
}

/** Emits an event to clients that stream this run in mode "custom". */
export function emit(runtime: NodeRuntime, event: ConversationEvent): void {
  runtime.writer?.(event);
}

/** Labels of one model call, for filtering traces. */
export interface CallLabels {
  readonly caller: ModelCaller;
  readonly turn: number;
  readonly evolution: string;
  /** The model as the settings name it. */
  readonly model: string;
  readonly promptVersion: string;
}

/**
 * Returns the config of one model call: the node's own with labels.
 *
 * @returns The node's config with a run name (`review: accuracy turn 2`) and every label as tag and metadata.
 */
export function getCallConfig(runtime: NodeRuntime, { caller, turn, evolution, model, promptVersion }: CallLabels): RunnableConfig {
  const { name, group } = caller;
  const labels = { role: group ?? name, turn, ...(group === undefined ? {} : { [group]: name }), evolution, model, prompt: promptVersion };
  return {
    ...runtime,
    runName: `${group === undefined ? name : `review: ${name}`} turn ${turn}`,
    tags: [...(runtime.tags ?? []), ...Object.entries(labels).map(([label, value]) => `${label}:${value}`)],
    metadata: { ...runtime.metadata, ...labels },
  };
}
