import { environment } from "../environment.js";
import { type JobOptions, type JobResult, runJob } from "../generation/job.js";
import { type ModelStack, openModelStack } from "../generation/model-stack.js";
import type { OutputFolder } from "../generation/output-folder.js";
import { scanSeeds } from "../generation/seed-scan.js";
import type { Shard } from "../generation/shard.js";
import type { ServerConnection } from "../generation/server-connection.js";
import { type ServerJob, openServerJob } from "../generation/server-job.js";
import { type Logger, createLogger } from "../logger.js";
import { estimateJob } from "../models/budget/estimate.js";
import type { EndpointFlags, LimitFlags } from "./endpoint-options.js";
import { estimateLines } from "./estimate-lines.js";
import { exitCodes } from "./exit-codes.js";
import { createProgressView } from "./progress-view.js";
import { nextSteps, rehearsalNotice } from "./rehearsal.js";
import { type ServerFlags, openServer, tellOutages } from "./server-options.js";
import { type JobConfig, type SettingsFlags, settingsFrom } from "./settings-options.js";
import { shardNotice } from "./shard-option.js";
import { stopOnSignals } from "./signals.js";
import { summaryLines, summaryRecord } from "./summary.js";
import { type TracingFlags, tracingFrom } from "./tracing-options.js";

export interface GenerateFlags extends SettingsFlags, EndpointFlags, LimitFlags, ServerFlags, TracingFlags {
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

/** Runs the command, which `addGenerateCommand` describes, and gives its exit code. */
export async function runGenerate(seeds: string, flags: GenerateFlags): Promise<number> {
  const server = await openServer(flags);
  const config = await settingsFrom(flags, server?.assistant.context ?? {});
  return flags.dryRun ? dryRun(seeds, flags, config) : generate(seeds, flags, config, server);
}

async function dryRun(seeds: string, flags: GenerateFlags, { settings, prices }: JobConfig): Promise<number> {
  const scan = await scanSeeds(seeds, flags);
  const seedChars = scan.count === 0 ? 0 : scan.characters / scan.count;
  const lines = estimateLines(scan.count, estimateJob({ conversations: scan.count, settings, prices, seedChars }));
  process.stdout.write(`${lines.join("\n")}\n`);
  return exitCodes.ok;
}

async function generate(seeds: string, flags: GenerateFlags, { settings, prices }: JobConfig, server: ServerConnection | null): Promise<number> {
  let stack: ModelStack | null = null;
  let serverJob: ServerJob | null = null;
  const view = createProgressView({
    stream: process.stderr,
    json: flags.jsonProgress === true,
    quiet: flags.quiet === true,
    spent: () => (stack ?? serverJob)?.spent() ?? null,
    lanes: () => stack?.lanes() ?? [],
  });
  const logger = createLogger({ quiet: flags.quiet === true, json: flags.jsonProgress === true, write: view.line });
  rehearsalNotice(settings, logger);
  shardNotice(flags, logger);
  const tracing = await tracingFrom(flags, logger);
  const signals = stopOnSignals(logger);
  const job: JobOptions = {
    ...flags,
    seeds,
    settings,
    tracing,
    stop: signals.stop,
    onScan: (scan) => {
      for (const fault of scan.invalid.first) logger.warn(`passed over: ${fault.message}`);
      if (scan.invalid.count > 0) logger.warn(`${scan.invalid.count} rows of ${seeds} are not valid and were passed over`);
      view.start(scan.count);
    },
    onProgress: view.update,
    onWarning: logger.warn,
  };
  const openModels = ({ usage: usageFile }: OutputFolder["names"]) =>
    (stack = openModelStack({
      ...flags,
      env: environment,
      settings,
      prices,
      usageFile,
      timeoutMs: flags.timeout * 1000,
      gate: { maxConcurrency: flags.maxConcurrency, rpm: flags.rpm, tpm: flags.tpm, giveUpAfterMs: flags.giveUpAfter * 1000 },
      onRetry: ({ role, reason, delayMs }) => view.detail(`${role}: ${reason} Trying again in ${(delayMs / 1000).toFixed(1)} s.`),
      onCircuit: ({ endpoint, model, state, lastError }) =>
        logger.warn(
          state === "closed"
            ? `${endpoint} (${model}) answers again`
            : `${endpoint} (${model}) is ${state === "open" ? "down" : "being tried"}: ${lastError}`,
        ),
      onWarning: logger.warn,
    }));
  const openOnServer = async (connection: ServerConnection, files: OutputFolder["names"]) => {
    tellOutages(connection, logger);
    return (serverJob = await openServerJob({ ...flags, connection, settings, prices, stallMs: flags.timeout * 1000 })(files));
  };
  try {
    const result = await runJob(job, (files) => (server ? openOnServer(server, files) : openModels(files)));
    view.stop();
    const spender = stack ?? serverJob;
    if (flags.jsonProgress) view.line(summaryRecord(result, spender));
    else for (const line of [...summaryLines(result, spender), ...nextSteps(settings, result.conversations)]) logger.info(line);
    return exitCodeOfJob(result, logger);
  } finally {
    view.stop();
    await tracing.close();
    signals.restore();
  }
}

function exitCodeOfJob(result: JobResult, logger: Logger): number {
  if (result.stopped === "asked") return exitCodes.interrupted;
  if (result.stopped) {
    logger.error(result.stopped.message);
    return exitCodes.stopped;
  }
  return result.failed > 0 ? exitCodes.someFailed : exitCodes.ok;
}
