import { z } from "zod";

import type { ResponseSchema } from "./model-call.js";

/**
 * Converts a zod object to the strict JSON schema that endpoints enforce: every key required, no other key allowed.
 *
 * @param name Identifies the schema to the endpoint. Letters, digits, `_` and `-`.
 * @param schema Shape of the response. Models fill in its keys in their order here.
 */
export function toResponseSchema(name: string, schema: z.ZodObject): ResponseSchema {
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, {
    override: ({ jsonSchema: part }) => {
      if (part.type !== "object") return;
      part.required = Object.keys(part.properties ?? {});
      part.additionalProperties = false;
    },
  });
  return { name, schema: jsonSchema };
}
