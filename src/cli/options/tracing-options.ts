import type { Command } from "commander";

import { env } from "../../env.js";
import type { Logger } from "../../logger.js";
import type { Tracing } from "../../tracing/open-tracing.js";
import { parseNonNegativeNumber, parseShare } from "./numbers.js";

/** Flags of what is traced, and to where. LangSmith itself is turned on by LANGSMITH_TRACING in the environment. */
export interface TracingFlags {
  readonly traceSample?: number;
  readonly traceFlush: number;
  readonly traceFile?: string;
  readonly experiment?: string;
}

/** Adds the flags of {@link TracingFlags}. */
export function addTracingOptions(command: Command): Command {
  return command
    .optionsGroup("Traces (to LangSmith when LANGSMITH_TRACING=true):")
    .option("--experiment <name>", "a name to find this job's traces by, and to compare it with another")
    .option("--trace-sample <rate>", "share of conversations to trace, 0 to 1, each as a whole (default: 1)", parseShare)
    .option("--trace-flush <seconds>", "maximum time to wait for LangSmith at the end", parseNonNegativeNumber, 3)
    .option("--trace-file <file>", "write the same runs to a local JSONL file; `review-instruct trace <file>` shows them");
}

/** Opens tracing as flags and environment say. */
export async function openCommandTracing(flags: TracingFlags, logger: Logger): Promise<Tracing> {
  const { openTracing } = await import("../../tracing/open-tracing.js");
  return openTracing({
    env,
    experiment: flags.experiment,
    sample: flags.traceSample,
    flushMs: flags.traceFlush * 1000,
    traceFile: flags.traceFile,
    onWarning: logger.warn,
  });
}
