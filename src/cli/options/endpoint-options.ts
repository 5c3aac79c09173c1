import type { Command } from "commander";

import { positiveInteger, positiveNumber } from "./settings-options.js";

/** How endpoints are treated; none of it changes what a conversation says. */
export interface EndpointFlags {
  readonly timeout: number;
  readonly maxRetries: number;
}

export function addEndpointOptions(command: Command): Command {
  return command
    .optionsGroup("Endpoints:")
    .option("--timeout <seconds>", "give up an attempt after this long", positiveNumber, 600)
    .option("--max-retries <n>", "attempts after the first one, for rate limits, server errors, timeouts and resets", positiveInteger, 6);
}

/** What a job may ask of every endpoint and model, and spend. */
export interface BudgetFlags {
  readonly maxConcurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly giveUpAfter: number;
  readonly maxTokens?: number;
  readonly maxUsd?: number;
  readonly cache?: string;
  readonly dryRun?: boolean;
}

export function addLimitOptions(command: Command): Command {
  return command
    .option("--max-concurrency <n>", "most calls in flight to one endpoint and model; how many there are adapts below it", positiveInteger, 64)
    .option("--rpm <n>", "most requests a minute to one endpoint and model", positiveInteger)
    .option("--tpm <n>", "most tokens a minute to one endpoint and model", positiveInteger)
    .option("--give-up-after <seconds>", "stop, resumably, when an endpoint has been down this long", positiveNumber, 600)
    .optionsGroup("Cost:")
    .option(
      "--max-tokens <n>",
      "most tokens over all runs and shards of the output folder; never passed, as the worst case is reserved before a call, and each of n shards keeps to an n-th part. With --server it is only looked at before a conversation starts, and counts finished ones",
      positiveInteger,
    )
    .option("--max-usd <amount>", "the same in US dollars; needs `prices` in the config file for every model", positiveNumber)
    .option("--cache <dir>", "keep replies here and answer equal requests from it, over all jobs that use the folder")
    .option("--dry-run", "print calls, tokens and cost to expect, and spend nothing");
}
