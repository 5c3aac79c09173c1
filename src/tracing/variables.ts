import type { Environment } from "../environment.js";
import type { Settings } from "../state/settings.js";

/** Whether traces go to LangSmith: LANGSMITH_TRACING or LANGCHAIN_TRACING_V2 is "true". */
export function isTracingOn(env: Environment): boolean {
  return env.LANGSMITH_TRACING === "true" || env.LANGCHAIN_TRACING_V2 === "true";
}

/** Whether LangChain would send traces of its own accord; it listens to two more variables. */
export function tracesUnasked(env: Environment): boolean {
  return isTracingOn(env) || env.LANGSMITH_TRACING_V2 === "true" || env.LANGCHAIN_TRACING === "true";
}

/** The project that traces go to where none is named. */
export function projectOf(env: Environment): string {
  return env.LANGSMITH_PROJECT || env.LANGCHAIN_PROJECT || env.LANGCHAIN_SESSION || "default";
}

/** Names of the variables that hold the keys of these settings. */
export function keyVariables(settings: Settings): string[] {
  return [settings, settings.candidate, settings.chairman, ...settings.panel].flatMap(({ apiKeyEnv }) => apiKeyEnv ?? []);
}
