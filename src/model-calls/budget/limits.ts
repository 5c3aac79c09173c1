import { InputError } from "../../errors.js";

/** Most tokens, input and output together, and most US dollars; null: no limit. */
export interface Limits {
  readonly maxTokens: number | null;
  readonly maxUsd: number | null;
}

/**
 * The equal part of the limits that each of `shards` shards keeps to, so that together they never pass the whole; tokens are
 * rounded down. Throws `InputError` where that leaves no token.
 */
export function getShardLimits(limits: Limits, shards: number): Limits {
  if (shards === 1) return limits;
  const { maxTokens, maxUsd } = limits;
  const part = { maxTokens: maxTokens === null ? null : Math.floor(maxTokens / shards), maxUsd: maxUsd === null ? null : maxUsd / shards };
  if (part.maxTokens === 0 && maxTokens !== null && maxTokens > 0)
    throw new InputError(`\`maxTokens\` ${maxTokens} leaves none for each of ${shards} shards: raise it`, { field: "maxTokens" });
  return part;
}

/** A limit, or a part and what it is of, for messages. */
export function formatLimit(name: keyof Limits, part: number, shards: number): string {
  if (shards === 1) return `${name} ${part}`;
  const amount = name === "maxTokens" ? `${part} tokens` : `$${part.toFixed(4)}`;
  return `${amount}, this shard's part of ${name} (1 of ${shards}),`;
}
