import { Command } from "commander";

import type { Logger } from "../logger.js";
import { addGenerateCommand } from "./commands/generate.js";
import { addPushCommand } from "./commands/push.js";
import { addRunCommand } from "./commands/run.js";
import { addTraceCommand } from "./commands/trace.js";
import { packageVersion } from "../version.js";

/**
 * The whole command line. Commands load what they need when they run; `setExitCode` takes their result.
 * Complaints about the command line itself go to `complaints`. Default: to stderr, as they are.
 */
export function createProgram(setExitCode: (code: number) => void, usageErrors?: Logger): Command {
  const program = new Command("review-instruct")
    .description("Multi-turn training conversations, driven by reviews: a candidate answers, a panel judges, a chairman asks on.")
    .version(packageVersion())
    .showHelpAfterError("(--help lists every option)")
    .exitOverride()
    .configureOutput(usageErrors ? { outputError: (text) => usageErrors.error(text.trim()), writeErr: (text) => usageErrors.info(text.trim()) } : {});
  addGenerateCommand(program, setExitCode);
  addRunCommand(program, setExitCode);
  addTraceCommand(program, setExitCode);
  addPushCommand(program, setExitCode);
  return program;
}
