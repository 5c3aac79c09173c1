import { InvalidArgumentError } from "commander";

import type { Shard } from "../../jobs/shard.js";
import type { Logger } from "../../logger.js";
import { getShardLimits } from "../../model-calls/budget/limits.js";

/** "2/4" is the second of four parts. */
export function parseShard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, of] = [Number(match?.[1]) - 1, Number(match?.[2])];
  if (!match || index < 0 || of < 1 || index >= of) throw new InvalidArgumentError("It must be i/n with 1 <= i <= n, e.g. 2/4.");
  return { index, of };
}

/** Says what a shard may spend of the job's limits, where there are any. Throws `InputError` where its part is no token. */
export function logShardLimits(
  { shard, maxTokens, maxUsd }: { readonly shard?: Shard; readonly maxTokens?: number; readonly maxUsd?: number },
  logger: Logger,
): void {
  if (!shard || shard.of === 1) return;
  const part = getShardLimits({ maxTokens: maxTokens ?? null, maxUsd: maxUsd ?? null }, shard.of);
  const most = [
    ...(part.maxTokens === null ? [] : [`${part.maxTokens.toLocaleString("en")} tokens`]),
    ...(part.maxUsd === null ? [] : [`$${part.maxUsd.toFixed(4)}`]),
  ];
  if (most.length > 0) logger.info(`Shard ${shard.index + 1} of ${shard.of} keeps to its part of what the job may spend: ${most.join(" and ")}.`);
}
