import type { Env } from "../env.js";

/** Returns true if traces go to LangSmith: LANGSMITH_TRACING or LANGCHAIN_TRACING_V2 is "true". */
export function isTracingOn(env: Env): boolean {
  return env.LANGSMITH_TRACING === "true" || env.LANGCHAIN_TRACING_V2 === "true";
}

/** Returns true if LangChain would send traces by itself. It reads two more variables. */
export function isLangChainTracingOn(env: Env): boolean {
  return isTracingOn(env) || env.LANGSMITH_TRACING_V2 === "true" || env.LANGCHAIN_TRACING === "true";
}

/** Returns the default project of traces. */
export function getProject(env: Env): string {
  return getLangSmithVariable(env, "PROJECT") ?? (env.LANGCHAIN_SESSION || "default");
}

/** Returns the options of a LangSmith client. An undefined option has LangSmith's own default. */
export function getClientConfig(env: Env): { apiUrl?: string; apiKey?: string; workspaceId?: string } {
  return {
    apiUrl: getLangSmithVariable(env, "ENDPOINT"),
    apiKey: getLangSmithVariable(env, "API_KEY"),
    workspaceId: getLangSmithVariable(env, "WORKSPACE_ID"),
  };
}

/** Returns true if this part of a run must not be sent, e.g. for LANGSMITH_HIDE_INPUTS. */
export function isHidden(env: Env, part: "INPUTS" | "OUTPUTS" | "METADATA"): boolean {
  return getLangSmithVariable(env, `HIDE_${part}`) === "true";
}

/** Returns the rate in LANGSMITH_TRACING_SAMPLING_RATE, or 1 if it is not set. */
export function getEnvSampleRate(env: Env): number {
  return Number(getLangSmithVariable(env, "TRACING_SAMPLING_RATE") ?? 1);
}

/** Returns a variable by its current or its former prefix, as LangSmith reads it. */
function getLangSmithVariable(env: Env, name: string): string | undefined {
  return env[`LANGSMITH_${name}`] || env[`LANGCHAIN_${name}`] || undefined;
}
