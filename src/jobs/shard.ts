/** The slice of a job that one process works on: items whose position leaves `index` when divided by `of`. */
export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly of: number;
}

/** Returns true if the item at a position belongs to the shard. Without a shard, every position does. */
export function isInShard(position: number, shard: Shard | null): boolean {
  return shard === null || position % shard.of === shard.index;
}
