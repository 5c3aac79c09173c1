import type { Command } from "commander";

import { addEndpointOptions } from "../options/endpoint-options.js";
import { exitCodes } from "../exit-codes.js";
import type { RunFlags } from "./run.action.js";
import { addSettingsOptions } from "../options/settings-options.js";
import { addTracingOptions } from "../options/tracing-options.js";

/** Adds the command `run`. */
export function addRunCommand(program: Command, setExitCode: (code: number) => void): void {
  const command = program
    .command("run")
    .description("Run one conversation and print it as it grows: instruction, response, each review, verdict, next instruction.")
    .argument("<instruction>", "the seed: what the user asks first")
    .option("--input <text>", "material that the instruction works on")
    .option("--system <text>", "system prompt of the conversation")
    .option("--human-review", "ask before each new instruction: accept, edit or end");
  addTracingOptions(addEndpointOptions(addSettingsOptions(command))).action(async (instruction: string, flags: RunFlags) => {
    const { runCommand } = await import("./run.action.js");
    await runCommand(instruction, flags);
    setExitCode(exitCodes.ok);
  });
}
