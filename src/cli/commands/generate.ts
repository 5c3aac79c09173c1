import type { Command } from "commander";

import { addEndpointOptions, addLimitOptions } from "../options/endpoint-options.js";
import type { GenerateFlags } from "./generate.action.js";
import { addServerOptions } from "../options/server-options.js";
import { addSettingsOptions, positiveInteger } from "../options/settings-options.js";
import { parseShard } from "../options/shard-option.js";
import { addTracingOptions } from "../options/tracing-options.js";

export function addGenerateCommand(program: Command, setExitCode: (code: number) => void): void {
  const command = program
    .command("generate")
    .description("Make every seed of a file a reviewed multi-turn conversation. The same command again continues where it stopped.")
    .argument("<seeds>", "a JSON array or JSONL file of {instruction, input?, system?} or {messages}")
    .requiredOption("--output <dir>", "the job's folder: conversations.jsonl, failures.jsonl, manifest.json, checkpoints")
    .option("--limit <k>", "use the first K valid seeds", positiveInteger)
    .option("--skip-invalid", "pass over bad rows and list them, instead of refusing the file")
    .option("--concurrency <c>", "conversations under way at once", positiveInteger, 32)
    .option("--retry-failed", "try conversations again that failed in an earlier run")
    .option("--checkpoint <store>", "memory, sqlite:<file> or postgres://... (default: an SQLite file in the output folder)")
    .option("--keep-checkpoints", "keep the threads of finished conversations, for time travel")
    .option("--shard <i/n>", "work on the i-th of n equal parts; every process needs the same n", parseShard)
    .option("--json-progress", "progress, warnings, errors and summary as JSON on stderr, one object a line, told apart by `type`")
    .option("--quiet", "warnings and errors only");
  addTracingOptions(addServerOptions(addLimitOptions(addEndpointOptions(addSettingsOptions(command))))).action(
    async (seeds: string, flags: GenerateFlags) => {
      const { generateCommand } = await import("./generate.action.js");
      setExitCode(await generateCommand(seeds, flags));
    },
  );
}
