import { z } from "zod";

/** How a package takes the format of a response. */
export type SchemaDialect = "openai" | "anthropic" | "google" | "mistral" | "ollama";

/** The option `response_format` of a call, as OpenAI defines it. */
const ResponseFormat = z.union([
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({ name: z.string(), schema: z.record(z.string(), z.unknown()), strict: z.boolean().optional() }),
  }),
  z.object({ type: z.literal("json_object") }),
]);

/** Keywords that Anthropic refuses. Whoever reads the response checks them. */
const boundKeywords = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "uniqueItems",
  "$schema",
];
/** Keywords that Google's subset of OpenAPI lacks. */
const jsonSchemaKeywords = ["additionalProperties", "$schema", "$id", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems", "const"];

/**
 * Converts `response_format` in the options of a call to what a package takes instead.
 *
 * @returns The options without `response_format` where the package has no such format: the prompt describes it in words too.
 */
export function toCallOptions(options: Readonly<Record<string, unknown>>, dialect: SchemaDialect): Record<string, unknown> {
  const { response_format: given, ...rest } = options;
  const { data: format } = ResponseFormat.safeParse(given);
  if (!format) return rest;
  return { ...rest, ...toFormatOptions(format, dialect) };
}

function toFormatOptions(format: z.infer<typeof ResponseFormat>, dialect: SchemaDialect): Record<string, unknown> {
  const definition = format.type === "json_schema" ? format.json_schema : null;
  switch (dialect) {
    case "openai":
      return { response_format: format };
    case "mistral":
      return {
        response_format: definition
          ? { type: "json_schema", jsonSchema: { name: definition.name, schemaDefinition: definition.schema, strict: definition.strict } }
          : format,
      };
    case "ollama":
      return { format: definition?.schema ?? "json" };
    case "anthropic":
      return definition ? { outputConfig: { format: { type: "json_schema", schema: omitKeywords(definition.schema, boundKeywords) } } } : {};
    case "google":
      return definition ? { responseSchema: omitKeywords(definition.schema, jsonSchemaKeywords) } : {};
  }
}

/** Copies a JSON schema without some keywords, at every depth. Names of properties are kept, whatever they are. */
function omitKeywords(schema: unknown, keywords: readonly string[]): unknown {
  if (Array.isArray(schema)) return schema.map((item) => omitKeywords(item, keywords));
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword));
  return Object.fromEntries(
    entries.map(([keyword, value]) => [keyword, keyword === "properties" ? omitInProperties(value, keywords) : omitKeywords(value, keywords)]),
  );
}

function omitInProperties(properties: unknown, keywords: readonly string[]): unknown {
  if (typeof properties !== "object" || properties === null) return properties;
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, omitKeywords(schema, keywords)]));
}
