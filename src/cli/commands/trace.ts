import type { Command } from "commander";

import type { TraceRun } from "../../tracing/trace-file.js";
import { exitCodes } from "../exit-codes.js";

/** Adds the command `trace`. */
export function addTraceCommand(program: Command, setExitCode: (code: number) => void): void {
  program
    .command("trace")
    .description("Print a trace file as a tree of runs with times, tokens and scores.")
    .argument("<file>", "what --trace-file wrote")
    .action(async (file: string) => {
      const [{ readTraceFile }, { renderTraceTree }] = await Promise.all([
        import("../../tracing/trace-file.js"),
        import("../../tracing/trace-tree.js"),
      ]);
      const runs: TraceRun[] = [];
      for await (const run of readTraceFile(file)) runs.push(run);
      process.stdout.write(`${renderTraceTree(runs)}\n`);
      setExitCode(exitCodes.ok);
    });
}
