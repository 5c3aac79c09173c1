import { env } from "../../env.js";
import type { ConversationBackend } from "../../generation/conversation-runner.js";
import { type GenerateJobResult, estimateGenerateJob, runGenerateJob } from "../../generation/generate-job.js";
import { openLocalBackend } from "../../generation/open-local-backend.js";
import type { ServerConnection } from "../../generation/remote/connection.js";
import { openRemoteBackend } from "../../generation/remote/open-remote-backend.js";
import type { OutputPaths } from "../../jobs/output-paths.js";
import type { Shard } from "../../jobs/shard.js";
import { type Logger, createLogger } from "../../logger.js";
import { describeAdaptation } from "../../model-calls/adaptation/describe-adaptation.js";
import { formatCaller } from "../../model-calls/model-call.js";
import { getRoleModels, resolveSettings } from "../../state/resolve-settings.js";
import { getPackageVersion } from "../../version.js";
import { exitCodes } from "../exit-codes.js";
import type { BudgetFlags, EndpointFlags } from "../options/endpoint-options.js";
import { type ServerFlags, logServerOutages, openServer } from "../options/server-options.js";
import { type JobConfig, type SettingsFlags, resolveJobConfig } from "../options/settings-options.js";
import { logShardLimits } from "../options/shard-option.js";
import { type TracingFlags, openCommandTracing } from "../options/tracing-options.js";
import { formatEstimate } from "../output/format-estimate.js";
import { formatSummary, toJsonSummary } from "../output/format-summary.js";
import { getNextSteps, logOfflineNotice } from "../output/offline-notice.js";
import { loadHubModels } from "../output/download-progress.js";
import { logNetworkNotices } from "../output/network-notice.js";
import { createProgressView } from "../output/progress-view.js";
import { stopOnSignals } from "../signals.js";

export interface GenerateFlags extends SettingsFlags, EndpointFlags, BudgetFlags, ServerFlags, TracingFlags {
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

/** Runs the command `generate` and returns its exit code. */
export async function generateCommand(seeds: string, flags: GenerateFlags): Promise<number> {
  const server = await openServer(flags);
  const config = await resolveJobConfig(flags, server?.assistant.context ?? {});
  return flags.dryRun ? dryRun(seeds, flags, config) : generate(seeds, flags, config, server);
}

async function dryRun(seeds: string, flags: GenerateFlags, config: JobConfig): Promise<number> {
  const estimate = await estimateGenerateJob({ ...flags, ...config, seeds });
  process.stdout.write(`${formatEstimate(estimate, "conversations").join("\n")}\n`);
  return exitCodes.ok;
}

async function generate(seeds: string, flags: GenerateFlags, config: JobConfig, server: ServerConnection | null): Promise<number> {
  const { settings } = config;
  let backend: ConversationBackend | null = null;
  const view = createProgressView({
    stream: process.stderr,
    json: flags.jsonProgress === true,
    quiet: flags.quiet === true,
    getUsage: () => backend?.getUsage() ?? null,
    getEndpoints: () => backend?.getEndpoints() ?? [],
  });
  const logger = createLogger({ quiet: flags.quiet === true, json: flags.jsonProgress === true, write: view.log });
  logOfflineNotice(settings, logger);
  if (!server) {
    logNetworkNotices(getRoleModels(resolveSettings(settings)), env, logger);
    const stream = flags.quiet === true || flags.jsonProgress === true ? null : process.stderr;
    await loadHubModels(getRoleModels(resolveSettings(settings)), { env, logger, stream });
  }
  logShardLimits(flags, logger);
  const tracing = await openCommandTracing(flags, logger);
  const signals = stopOnSignals(logger);
  const options = { ...flags, ...config, shards: flags.shard?.of, onWarning: logger.warn };
  const openLocal = openLocalBackend({
    ...options,
    env,
    tracing,
    timeoutMs: flags.timeout * 1000,
    rateLimit: { maxConcurrency: flags.maxConcurrency, rpm: flags.rpm, tpm: flags.tpm, giveUpAfterMs: flags.giveUpAfter * 1000 },
    onRetry: ({ caller, reason, delayMs }) => view.logVerbose(`${formatCaller(caller)}: ${reason} Trying again in ${(delayMs / 1000).toFixed(1)} s.`),
    onAdapt: (event) => logger.info(describeAdaptation(event)),
    onCircuit: ({ endpoint, model, state, lastError }) =>
      logger.warn(
        state === "closed"
          ? `${endpoint} (${model}) answers again`
          : `${endpoint} (${model}) is ${state === "open" ? "down" : "being tried"}: ${lastError}`,
      ),
  });
  const openRemote = (connection: ServerConnection) => {
    logServerOutages(connection, logger);
    return openRemoteBackend({ ...options, connection, stallTimeoutMs: flags.timeout * 1000 });
  };
  const openBackend = server ? openRemote(server) : openLocal;
  try {
    const result = await runGenerateJob({
      ...options,
      seeds,
      toolVersion: getPackageVersion(),
      stop: signals.stop,
      openBackend: async (paths: OutputPaths) => (backend = await openBackend(paths)),
      onScan: ({ count, invalid }) => {
        for (const error of invalid.first) logger.warn(`skipped: ${error.message}`);
        if (invalid.count > 0) logger.warn(`${invalid.count} rows of ${seeds} are not valid and were skipped`);
        view.start(count);
      },
      onProgress: view.update,
    });
    view.stop();
    if (flags.jsonProgress) view.log(toJsonSummary(result, backend));
    else for (const line of [...formatSummary(result, backend), ...getNextSteps(settings, result.rows)]) logger.info(line);
    return getJobExitCode(result, logger);
  } finally {
    view.stop();
    await tracing.close();
    signals.restore();
  }
}

function getJobExitCode({ stopped, failed }: GenerateJobResult, logger: Logger): number {
  if (stopped === "interrupted") return exitCodes.interrupted;
  if (stopped instanceof Error) {
    logger.error(stopped.message);
    return exitCodes.stopped;
  }
  return failed > 0 ? exitCodes.partialFailure : exitCodes.ok;
}
