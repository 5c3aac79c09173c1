import { type Command, InvalidArgumentError } from "commander";

import { env } from "../../env.js";
import type { Logger } from "../../logger.js";
import type { Tracing } from "../../tracing/open-tracing.js";
import { nonNegativeNumber } from "./settings-options.js";

/** What is traced, and where to. LangSmith itself is turned on by LANGSMITH_TRACING in the environment. */
export interface TracingFlags {
  readonly traceSample?: number;
  readonly traceFlush: number;
  readonly traceFile?: string;
  readonly experiment?: string;
}

export function addTracingOptions(command: Command): Command {
  return command
    .optionsGroup("Traces (to LangSmith when LANGSMITH_TRACING=true):")
    .option("--experiment <name>", "a name to find this job's traces by, and to compare it with another")
    .option("--trace-sample <share>", "share of conversations to trace, 0 to 1, each as a whole (default: 1)", share)
    .option("--trace-flush <seconds>", "longest wait for LangSmith at the end", nonNegativeNumber, 3)
    .option("--trace-file <file>", "write the same runs to a local JSONL file; `review-instruct trace <file>` shows them");
}

/** Opens tracing as the flags and the environment say. */
export async function openCommandTracing(flags: TracingFlags, logger: Logger): Promise<Tracing> {
  const { openTracing } = await import("../../tracing/open-tracing.js");
  return openTracing({
    env: env,
    experiment: flags.experiment,
    sample: flags.traceSample,
    flushMs: flags.traceFlush * 1000,
    traceFile: flags.traceFile,
    onWarning: logger.warn,
  });
}

function share(text: string): number {
  const number = nonNegativeNumber(text);
  if (number > 1) throw new InvalidArgumentError("It must be a number from 0 to 1.");
  return number;
}
