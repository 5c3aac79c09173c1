import { randomUUID } from "node:crypto";

import { MemorySaver } from "@langchain/langgraph";

import { ModelCallError } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import type { EvolutionPolicy } from "../../src/nodes/chairman.js";
import type { Settings, SettingsInput } from "../../src/state/settings.js";
import { type Script, createScriptedModels } from "./scripted-models.js";

/** Creates the real graph with a real checkpointer and scripted models. */
export function createGraphUnderTest(script?: Script, evolutionPolicy?: EvolutionPolicy) {
  const scripted = createScriptedModels(script);
  const checkpointer = new MemorySaver();
  /** Creates a new graph with the same checkpointer, as a restarted process does. */
  const reopen = () => createReviewInstructGraph({ callModel: scripted.callModel, checkpointer, evolutionPolicy });
  return { ...scripted, graph: reopen(), reopen };
}

/** Returns the config of a new thread. Settings stay incomplete, as clients send them: the graph adds the defaults. */
export function createThread(settings?: SettingsInput): { configurable: { thread_id: string }; context?: Settings } {
  const configurable = { thread_id: randomUUID() };
  return settings === undefined ? { configurable } : { configurable, context: JSON.parse(JSON.stringify(settings)) };
}

/** Returns a panel of any size. */
export function createPanel(...names: string[]): { name: string; focus: string }[] {
  return names.map((name) => ({ name, focus: `What ${name} cares about` }));
}

/** Returns the error of an endpoint that stays unavailable. */
export function createUnavailableError(name: string): ModelCallError {
  return new ModelCallError("model_unavailable", `the endpoint of ${name} is down`, {
    caller: { name },
    endpoint: "http://127.0.0.1:9/v1",
    model: "scripted",
    attempts: 3,
  });
}
