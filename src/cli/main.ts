#!/usr/bin/env node
import { CommanderError } from "commander";
import { z } from "zod";

import { ReviewInstructError } from "../errors.js";
import { unwrapAggregateError } from "../jobs/job-stopping-errors.js";
import { createLogger } from "../logger.js";
import { getExitCode, exitCodes } from "./exit-codes.js";
import { createProgram } from "./program.js";

// LangGraph derives schemas anew for every state update: compiling each would cost more than it saves.
z.config({ jitless: true });

/** Runs one command line and gives its exit code; the only place that exits. */
async function main(args: readonly string[]): Promise<number> {
  let code: number = exitCodes.ok;
  // Not by the parsed flag: a command line that cannot be parsed is to be told as JSON, too.
  const json = args.includes("--json-progress");
  const logger = createLogger({ json });
  const setExitCode = (given: number) => {
    code = given;
  };
  const program = createProgram(setExitCode, json ? logger : undefined);
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (thrown) {
    const error = unwrapAggregateError(thrown);
    // Commander has already said what was wrong; help and version end here too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.error;
    logger.error(error instanceof ReviewInstructError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error));
    return getExitCode(error);
  }
}

// A reader that closed the pipe (`| head`) has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));
// Whatever still keeps the process up (idle keep-alive sockets) has nothing left to say.
process.exit();
