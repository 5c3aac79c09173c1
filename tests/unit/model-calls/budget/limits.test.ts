import fc from "fast-check";
import { expect, it } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { getShardLimits } from "../../../../src/model-calls/budget/limits.js";

it("the parts of all shards together never pass the tokens, and are whole", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1000, max: 1e9 }), (shards, maxTokens) => {
      const part = getShardLimits({ maxTokens, maxUsd: null }, shards).maxTokens ?? Infinity;
      expect(Number.isInteger(part)).toBe(true);
      expect(part * shards).toBeLessThanOrEqual(maxTokens);
    }),
  );
});

it("dollars are divided, no limit stays none, and a part without a token is refused", () => {
  expect(getShardLimits({ maxTokens: null, maxUsd: 1 }, 4)).toEqual({ maxTokens: null, maxUsd: 0.25 });
  expect(() => getShardLimits({ maxTokens: 3, maxUsd: null }, 4)).toThrow(InputError);
});
