import type { Env } from "../env.js";

/** Whether traces go to LangSmith: LANGSMITH_TRACING or LANGCHAIN_TRACING_V2 is "true". */
export function isTracingOn(env: Env): boolean {
  return env.LANGSMITH_TRACING === "true" || env.LANGCHAIN_TRACING_V2 === "true";
}

/** Whether LangChain would send traces of its own accord; it listens to two more variables. */
export function isLangChainTracingOn(env: Env): boolean {
  return isTracingOn(env) || env.LANGSMITH_TRACING_V2 === "true" || env.LANGCHAIN_TRACING === "true";
}

/** The project that traces go to where none is named. */
export function getProject(env: Env): string {
  return langsmith(env, "PROJECT") ?? (env.LANGCHAIN_SESSION || "default");
}

/** How LangSmith is reached; what is undefined is LangSmith's own default. */
export function getLangSmithAccess(env: Env): { apiUrl?: string; apiKey?: string; workspaceId?: string } {
  return { apiUrl: langsmith(env, "ENDPOINT"), apiKey: langsmith(env, "API_KEY"), workspaceId: langsmith(env, "WORKSPACE_ID") };
}

/** Whether this part of every run is to stay here (LANGSMITH_HIDE_INPUTS and the like). */
export function isHidden(env: Env, part: "INPUTS" | "OUTPUTS" | "METADATA"): boolean {
  return langsmith(env, `HIDE_${part}`) === "true";
}

/** The share of traces asked for by LANGSMITH_TRACING_SAMPLING_RATE; 1 where nothing is said. */
export function getEnvSampleRate(env: Env): number {
  return Number(langsmith(env, "TRACING_SAMPLING_RATE") ?? 1);
}

/** A variable by its present or its former prefix, as LangSmith reads them. */
function langsmith(env: Env, name: string): string | undefined {
  return env[`LANGSMITH_${name}`] || env[`LANGCHAIN_${name}`] || undefined;
}
