import { InputError } from "../../errors.js";

/** Limits of a job. */
export interface Limits {
  /** Maximum number of tokens, input and output together. Null: no limit. */
  readonly maxTokens: number | null;
  /** Maximum cost in US dollars. Null: no limit. */
  readonly maxUsd: number | null;
}

/**
 * Returns the equal part of the limits for each shard, so that all shards together never exceed them.
 *
 * Tokens are rounded down.
 *
 * @throws {InputError} If that leaves no token.
 */
export function getShardLimits(limits: Limits, shards: number): Limits {
  if (shards === 1) return limits;
  const { maxTokens, maxUsd } = limits;
  const shardTokens = maxTokens === null ? null : Math.floor(maxTokens / shards);
  if (shardTokens === 0 && maxTokens !== null && maxTokens > 0)
    throw new InputError(`\`maxTokens\` ${maxTokens} leaves none for each of ${shards} shards: raise it`, { field: "maxTokens" });
  return { maxTokens: shardTokens, maxUsd: maxUsd === null ? null : maxUsd / shards };
}

/** Formats a limit for messages; with several shards, this shard's part of it. */
export function formatLimit(name: keyof Limits, limit: number, shards: number): string {
  if (shards === 1) return `${name} ${limit}`;
  const amount = name === "maxTokens" ? `${limit} tokens` : `$${limit.toFixed(4)}`;
  return `${amount}, this shard's part of ${name} (1 of ${shards}),`;
}
