import { Command } from "commander";

import { addGenerateCommand } from "./generate-command.js";
import { addPushCommand } from "./push-command.js";
import { addRunCommand } from "./run-command.js";
import { addTraceCommand } from "./trace-command.js";
import { packageVersion } from "./version.js";

/** The whole command line. Commands load what they need when they run; `setExitCode` takes their result. */
export function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command("review-instruct")
    .description("Multi-turn training conversations, driven by reviews: a candidate answers, a panel judges, a chairman asks on.")
    .version(packageVersion())
    .showHelpAfterError("(--help lists every option)")
    .exitOverride();
  addGenerateCommand(program, setExitCode);
  addRunCommand(program, setExitCode);
  addTraceCommand(program, setExitCode);
  addPushCommand(program, setExitCode);
  return program;
}
