import { Command } from "commander";

import type { Logger } from "../logger.js";
import { addGenerateCommand } from "./generate-options.js";
import { addPushCommand } from "./push-command.js";
import { addRunCommand } from "./run-options.js";
import { addTraceCommand } from "./trace-command.js";
import { packageVersion } from "./version.js";

/**
 * The whole command line. Commands load what they need when they run; `setExitCode` takes their result.
 * Complaints about the command line itself go to `complaints`. Default: to stderr, as they are.
 */
export function createProgram(setExitCode: (code: number) => void, complaints?: Logger): Command {
  const program = new Command("review-instruct")
    .description("Multi-turn training conversations, driven by reviews: a candidate answers, a panel judges, a chairman asks on.")
    .version(packageVersion())
    .showHelpAfterError("(--help lists every option)")
    .exitOverride()
    .configureOutput(complaints ? { outputError: (text) => complaints.error(text.trim()), writeErr: (text) => complaints.info(text.trim()) } : {});
  addGenerateCommand(program, setExitCode);
  addRunCommand(program, setExitCode);
  addTraceCommand(program, setExitCode);
  addPushCommand(program, setExitCode);
  return program;
}
