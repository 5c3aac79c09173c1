#!/usr/bin/env node
import { CommanderError } from "commander";
import { z } from "zod";

import { ReviewInstructError } from "../errors.js";
import { unwrapAggregateError } from "../jobs/job-stopping-errors.js";
import { createLogger } from "../logger.js";
import { getExitCode, exitCodes } from "./exit-codes.js";
import { createProgram } from "./program.js";

// LangGraph creates new schemas for every state update: compiling each would cost more than it saves.
z.config({ jitless: true });

/** Runs one command line and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  let code: number = exitCodes.ok;
  // Read from argv, not from the parsed flags: usage errors must be JSON as well.
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
    // Commander has already printed what was wrong. Help and version end here as well.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.error;
    logger.error(error instanceof ReviewInstructError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error));
    return getExitCode(error);
  }
}

// A reader that closes the pipe early (`| head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));
// Idle keep-alive sockets would keep the process alive.
process.exit();
