import { InvalidArgumentError } from "commander";

import type { Shard } from "../../jobs/shard.js";
import type { Logger } from "../../logger.js";
import { getShardLimits } from "../../model-calls/budget/limits.js";

/** Parses a shard: `2/4` is the second of four. */
export function parseShard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, of] = [Number(match?.[1]) - 1, Number(match?.[2])];
  if (!match || index < 0 || of < 1 || index >= of) throw new InvalidArgumentError("It must be i/n with 1 <= i <= n, e.g. 2/4.");
  return { index, of };
}

/**
 * Logs what a shard may spend of the job's limits, if there are any.
 *
 * @throws {InputError} If the shard's part is not a single token.
 */
export function logShardLimits(
  { shard, maxTokens, maxUsd }: { readonly shard?: Shard; readonly maxTokens?: number; readonly maxUsd?: number },
  logger: Logger,
): void {
  if (!shard || shard.of === 1) return;
  const limits = getShardLimits({ maxTokens: maxTokens ?? null, maxUsd: maxUsd ?? null }, shard.of);
  const amounts = [
    ...(limits.maxTokens === null ? [] : [`${limits.maxTokens.toLocaleString("en")} tokens`]),
    ...(limits.maxUsd === null ? [] : [`$${limits.maxUsd.toFixed(4)}`]),
  ];
  if (amounts.length > 0)
    logger.info(`Shard ${shard.index + 1} of ${shard.of} keeps to its part of what the job may spend: ${amounts.join(" and ")}.`);
}
