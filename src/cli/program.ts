import { Command } from "commander";

import type { Logger } from "../logger.js";
import { addCheckCommand } from "./commands/check.js";
import { addGenerateCommand } from "./commands/generate.js";
import { addPushCommand } from "./commands/push.js";
import { addRunCommand } from "./commands/run.js";
import { addTraceCommand } from "./commands/trace.js";
import { getPackageVersion } from "../version.js";

/**
 * Creates the command line. Commands load what they need when they run.
 *
 * @param setExitCode Receives the exit code of the command that ran.
 * @param usageErrors Logs errors in the command line itself. Default: they go to stderr as they are.
 */
export function createProgram(setExitCode: (code: number) => void, usageErrors?: Logger): Command {
  const program = new Command("review-instruct")
    .description("Multi-turn training conversations, driven by reviews: a candidate answers, a panel judges, a chairman asks on.")
    .version(getPackageVersion())
    .showHelpAfterError("(--help lists every option)")
    .exitOverride()
    .configureOutput(usageErrors ? { outputError: (text) => usageErrors.error(text.trim()), writeErr: (text) => usageErrors.info(text.trim()) } : {});
  addGenerateCommand(program, setExitCode);
  addRunCommand(program, setExitCode);
  addCheckCommand(program, setExitCode);
  addTraceCommand(program, setExitCode);
  addPushCommand(program, setExitCode);
  return program;
}
