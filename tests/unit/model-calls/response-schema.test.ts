import { describe, expect, it } from "vitest";
import { z } from "zod";

import { toResponseSchema } from "../../../src/model-calls/response-schema.js";

describe("toResponseSchema", () => {
  it("a response schema requires every key and forbids others, in nested objects too", () => {
    const schema = z.object({ text: z.string().optional(), parts: z.array(z.object({ count: z.int().min(0).max(9) })) });
    expect(toResponseSchema("answer", schema)).toEqual({
      name: "answer",
      schema: {
        type: "object",
        properties: {
          text: { type: "string" },
          parts: {
            type: "array",
            items: {
              type: "object",
              properties: { count: { type: "integer", minimum: 0, maximum: 9 } },
              required: ["count"],
              additionalProperties: false,
            },
          },
        },
        required: ["text", "parts"],
        additionalProperties: false,
      },
    });
  });
});
