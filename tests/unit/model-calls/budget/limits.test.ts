import fc from "fast-check";
import { expect, it } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { getShardLimits } from "../../../../src/model-calls/budget/limits.js";

it("getShardLimits divides tokens into integers that together do not exceed the limit", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1000, max: 1e9 }), (shards, maxTokens) => {
      const shardTokens = getShardLimits({ maxTokens, maxUsd: null }, shards).maxTokens ?? Infinity;
      expect(Number.isInteger(shardTokens)).toBe(true);
      expect(shardTokens * shards).toBeLessThanOrEqual(maxTokens);
    }),
  );
});

it("getShardLimits divides dollars, and keeps a limit that is not set", () => {
  expect(getShardLimits({ maxTokens: null, maxUsd: 1 }, 4)).toEqual({ maxTokens: null, maxUsd: 0.25 });
});

it("getShardLimits throws if a shard would get no token", () => {
  expect(() => getShardLimits({ maxTokens: 3, maxUsd: null }, 4)).toThrow(InputError);
});
