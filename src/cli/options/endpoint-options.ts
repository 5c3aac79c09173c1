import type { Command } from "commander";

import { parsePositiveInteger, parsePositiveNumber } from "./numbers.js";

/** Flags of how endpoints are called. None of them changes the text of a conversation. */
export interface EndpointFlags {
  readonly timeout: number;
  readonly maxRetries: number;
}

/** Adds the flags of {@link EndpointFlags}. */
export function addEndpointOptions(command: Command): Command {
  return command
    .optionsGroup("Endpoints:")
    .option("--timeout <seconds>", "time until one attempt is given up", parsePositiveNumber, 600)
    .option("--max-retries <count>", "attempts after the first one, for rate limits, server errors, timeouts and resets", parsePositiveInteger, 6);
}

/** Flags of what a job may request from every endpoint and model, and spend. */
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

/** Adds the flags of {@link BudgetFlags}. */
export function addBudgetOptions(command: Command): Command {
  return command
    .option(
      "--max-concurrency <count>",
      "maximum number of calls in flight to one endpoint and model; the actual number adapts below it",
      parsePositiveInteger,
      64,
    )
    .option("--rpm <count>", "maximum number of requests a minute to one endpoint and model", parsePositiveInteger)
    .option("--tpm <count>", "maximum number of tokens a minute to one endpoint and model", parsePositiveInteger)
    .option("--give-up-after <seconds>", "stop, resumably, when an endpoint has been down this long", parsePositiveNumber, 600)
    .optionsGroup("Cost:")
    .option(
      "--max-tokens <count>",
      "maximum number of tokens over all runs and shards of the output folder; never exceeded, as the maximum of a call is reserved before it, and each of n shards keeps to an n-th part. With --server it is only checked before a conversation starts, and counts finished ones",
      parsePositiveInteger,
    )
    .option("--max-usd <amount>", "the same in US dollars; needs `prices` in the config file for every model", parsePositiveNumber)
    .option("--cache <dir>", "store responses here and answer identical requests from it, over all jobs that use the folder")
    .option("--dry-run", "print calls, tokens and cost to expect, and spend nothing");
}
