import type { Command } from "commander";

import { addEndpointOptions } from "./endpoint-options.js";
import { exitCodes } from "./exit-codes.js";
import type { RunFlags } from "./run-command.js";
import { addSettingsOptions } from "./settings-options.js";
import { addTracingOptions } from "./tracing-options.js";

export function addRunCommand(program: Command, setExitCode: (code: number) => void): void {
  const command = program
    .command("run")
    .description("Run one conversation and print it as it grows: instruction, response, each review, verdict, next instruction.")
    .argument("<instruction>", "the seed: what the user asks first")
    .option("--input <text>", "material that the instruction works on")
    .option("--system <text>", "system prompt of the conversation")
    .option("--human-review", "ask before each new instruction: accept, edit or end");
  addTracingOptions(addEndpointOptions(addSettingsOptions(command))).action(async (instruction: string, flags: RunFlags) => {
    const { runOne } = await import("./run-command.js");
    await runOne(instruction, flags);
    setExitCode(exitCodes.ok);
  });
}
