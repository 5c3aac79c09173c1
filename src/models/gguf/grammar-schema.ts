/** Keywords that the grammars of `node-llama-cpp` know. */
const knownKeywords = new Set([
  "type",
  "properties",
  "items",
  "prefixItems",
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "enum",
  "const",
  "oneOf",
  "anyOf",
  "additionalProperties",
  "required",
]);

/** Widest range of integers that is written out. */
const maxRange = 100;

/**
 * Converts a JSON schema to one for a grammar: small ranges of integers become lists, unknown keywords are left out.
 *
 * Grammars know no `minimum` and `maximum`; without this a score of 15 would come out. Bounds that remain are checked by
 * whoever reads the response.
 */
export function toGrammarSchema(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { type, minimum, maximum } = schema;
  if (type === "integer" && typeof minimum === "number" && typeof maximum === "number" && maximum - minimum < maxRange) {
    return { enum: Array.from({ length: Math.floor(maximum) - Math.ceil(minimum) + 1 }, (_, index) => Math.ceil(minimum) + index) };
  }
  const entries = Object.entries(schema).filter(([keyword]) => knownKeywords.has(keyword));
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, toGrammarValue(keyword, value)]));
}

function toGrammarValue(keyword: string, value: unknown): unknown {
  if (keyword === "enum" || keyword === "const" || keyword === "required") return value;
  if (Array.isArray(value)) return value.map((item: unknown) => (isObject(item) ? toGrammarSchema(item) : item));
  if (!isObject(value)) return value;
  if (keyword !== "properties") return toGrammarSchema(value);
  return Object.fromEntries(Object.entries(value).map(([name, property]) => [name, isObject(property) ? toGrammarSchema(property) : property]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
