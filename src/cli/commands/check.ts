import type { Command } from "commander";

import { addEndpointOptions } from "../options/endpoint-options.js";
import { addSettingsOptions } from "../options/settings-options.js";
import type { CheckFlags } from "./check.action.js";

/** Adds the command `check`. */
export function addCheckCommand(program: Command, setExitCode: (code: number) => void): void {
  const command = program
    .command("check")
    .description("Call each model a few times and say what its endpoint can do, and which settings to use. Exit code 2: faults were found.")
    .option("--json", "print one JSON document");
  addEndpointOptions(addSettingsOptions(command)).action(async (flags: CheckFlags) => {
    const { checkCommand } = await import("./check.action.js");
    setExitCode(await checkCommand(flags));
  });
}
