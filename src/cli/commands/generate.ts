import type { Command } from "commander";

import { addBudgetOptions, addEndpointOptions } from "../options/endpoint-options.js";
import type { GenerateFlags } from "./generate.action.js";
import { addServerOptions } from "../options/server-options.js";
import { parsePositiveInteger } from "../options/numbers.js";
import { addSettingsOptions } from "../options/settings-options.js";
import { parseShard } from "../options/shard-option.js";
import { addTracingOptions } from "../options/tracing-options.js";

/** Adds the command `generate`. Its action is loaded when it runs, so that help stays quick. */
export function addGenerateCommand(program: Command, setExitCode: (code: number) => void): void {
  const command = program
    .command("generate")
    .description("Generate a reviewed multi-turn conversation from every seed of a file. The same command continues where it stopped.")
    .argument("<seeds>", "a JSON array or JSONL file of {instruction, input?, system?} or {messages}")
    .requiredOption("--output <dir>", "the job's folder: conversations.jsonl, failures.jsonl, manifest.json, checkpoints")
    .option("--limit <count>", "use only this many valid seeds, from the first", parsePositiveInteger)
    .option("--skip-invalid", "skip bad rows and list them, instead of refusing the file")
    .option("--concurrency <count>", "conversations in progress at once", parsePositiveInteger, 32)
    .option("--retry-failed", "try conversations again that failed in an earlier run")
    .option("--checkpoint <uri>", "memory, sqlite:<file> or postgres://... (default: an SQLite file in the output folder)")
    .option("--keep-checkpoints", "keep the threads of finished conversations, for time travel")
    .option("--shard <i/n>", "work on the i-th of n equal parts; every process needs the same n", parseShard)
    .option("--json-progress", "progress, warnings, errors and summary as JSON on stderr, one object a line, told apart by `type`")
    .option("--quiet", "warnings and errors only");
  addTracingOptions(addServerOptions(addBudgetOptions(addEndpointOptions(addSettingsOptions(command))))).action(
    async (seeds: string, flags: GenerateFlags) => {
      const { generateCommand } = await import("./generate.action.js");
      setExitCode(await generateCommand(seeds, flags));
    },
  );
}
