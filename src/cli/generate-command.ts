import { InvalidArgumentError, type Command } from "commander";

import { environment } from "../environment.js";
import { type JobOptions, type JobResult, runJob } from "../generation/job.js";
import type { Shard } from "../generation/output-folder.js";
import { createLogger } from "../logger.js";
import { createModelAccess } from "../models/access.js";
import { type EndpointFlags, addEndpointOptions } from "./endpoint-options.js";
import { exitCodes } from "./exit-codes.js";
import { createProgressView } from "./progress-view.js";
import { rehearsalNotice } from "./rehearsal.js";
import { type SettingsFlags, addSettingsOptions, positiveInteger, settingsFrom } from "./settings-options.js";
import { stopOnSignals } from "./signals.js";
import { summaryLines } from "./summary.js";

interface GenerateFlags extends SettingsFlags, EndpointFlags {
  readonly output: string;
  readonly limit?: number;
  readonly skipInvalid?: boolean;
  readonly concurrency: number;
  readonly checkpoint?: string;
  readonly keepCheckpoints?: boolean;
  readonly retryFailed?: boolean;
  readonly shard?: Shard;
  readonly jsonProgress?: boolean;
  readonly quiet?: boolean;
}

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
    .option("--shard <i/n>", "work on the i-th of n equal parts; every process needs the same n", shard)
    .option("--json-progress", "progress as JSON lines on stderr")
    .option("--quiet", "warnings and errors only");
  addEndpointOptions(addSettingsOptions(command)).action(async (seeds: string, flags: GenerateFlags) => {
    setExitCode(await generateCommand(seeds, flags));
  });
}

async function generateCommand(seeds: string, flags: GenerateFlags): Promise<number> {
  const { settings } = await settingsFrom(flags);
  const view = createProgressView({ stream: process.stderr, json: flags.jsonProgress === true, quiet: flags.quiet === true });
  const logger = createLogger({ quiet: flags.quiet === true || flags.jsonProgress === true, write: view.line });
  rehearsalNotice(settings, logger);
  const signals = stopOnSignals(logger);
  const job: JobOptions = {
    ...flags,
    seeds,
    settings,
    stop: signals.stop,
    onScan: (scan) => {
      for (const fault of scan.invalid.first) logger.warn(`passed over: ${fault.message}`);
      if (scan.invalid.count > 0) logger.warn(`${scan.invalid.count} rows of ${seeds} are not valid and were passed over`);
      view.start(scan.count);
    },
    onProgress: view.update,
  };
  try {
    const result = await runJob(job, async () => ({
      models: createModelAccess({
        env: environment,
        timeoutMs: flags.timeout * 1000,
        maxRetries: flags.maxRetries,
        onRetry: ({ role, reason, delayMs }) => view.detail(`${role}: ${reason} Trying again in ${(delayMs / 1000).toFixed(1)} s.`),
      }),
      close: async () => {},
    }));
    view.stop();
    for (const line of summaryLines(result)) logger.info(line);
    return exitCodeOf(result, logger);
  } finally {
    view.stop();
    signals.restore();
  }
}

function exitCodeOf(result: JobResult, logger: { error(text: string): void }): number {
  if (result.stopped === "asked") return exitCodes.interrupted;
  if (result.stopped) {
    logger.error(result.stopped.message);
    return exitCodes.stopped;
  }
  return result.failed > 0 ? exitCodes.someFailed : exitCodes.ok;
}

/** "2/4" is the second of four parts. */
function shard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, of] = [Number(match?.[1]) - 1, Number(match?.[2])];
  if (!match || index < 0 || of < 1 || index >= of) throw new InvalidArgumentError("It must be i/n with 1 <= i <= n, e.g. 2/4.");
  return { index, of };
}
