import { randomUUID } from "node:crypto";

import { MemorySaver } from "@langchain/langgraph";

import { ModelCallError } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import type { EvolutionPolicy } from "../../src/nodes/chairman.js";
import type { Settings, SettingsInput } from "../../src/state/settings.js";
import { type Script, createScriptedModels } from "./scripted-models.js";

/** The real graph over a real saver, with scripted models behind it. */
export function createGraphUnderTest(script?: Script, policy?: EvolutionPolicy) {
  const scripted = createScriptedModels(script);
  const checkpointer = new MemorySaver();
  /** A new graph over the same saver, as a process that was started again would build it. */
  const reopen = () => createReviewInstructGraph({ callModel: scripted.callModel, checkpointer, evolutionPolicy: policy });
  return { ...scripted, graph: reopen(), reopen };
}

/** A thread of its own, with the settings of its runs, incomplete as a client sends them: the graph fills in the rest. */
export function createThread(settings?: SettingsInput): { configurable: { thread_id: string }; context?: Settings } {
  const configurable = { thread_id: randomUUID() };
  return settings === undefined ? { configurable } : { configurable, context: JSON.parse(JSON.stringify(settings)) };
}

/** A panel of any size. */
export function createPanel(...names: string[]): { name: string; focus: string }[] {
  return names.map((name) => ({ name, focus: `What ${name} cares about` }));
}

/** The error of an endpoint that is down for good. */
export function createUnavailableError(role: string): ModelCallError {
  return new ModelCallError("model_unavailable", `the endpoint of ${role} is down`, {
    caller: { name: role },
    endpoint: "http://127.0.0.1:9/v1",
    model: "scripted",
    attempts: 3,
  });
}
