/** The slice of a job that one process works on: conversations whose seed index leaves `index` when divided by `of`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** Whether a seed's place in the file falls into the shard; without one, every place does. */
export function isInShard(seedIndex: number, shard: Shard | null): boolean {
  return shard === null || seedIndex % shard.of === shard.index;
}
