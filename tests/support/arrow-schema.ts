/** A type as Arrow's JSON reader infers it: `null`, `bool`, `int`, `float`, `string`, a list or a struct. */
export type ArrowType = string | { readonly list: ArrowType } | { readonly struct: Readonly<Record<string, ArrowType>> };

/**
 * Infers the type of the values of one column.
 *
 * @throws {TypeError} For values that have no common type.
 */
export function inferArrowType(values: readonly unknown[]): ArrowType {
  return values.map(getType).reduce<ArrowType>(mergeTypes, "null");
}

/**
 * Returns the first line that does not fit the types of the first block of a JSONL file, as `datasets` would find it.
 *
 * @returns Null if every block fits. Absent, null and empty values fit any type, but only after the first block.
 */
export function findMisfit(lines: readonly string[], blockBytes: number): { readonly line: number; readonly reason: string } | null {
  let types: ArrowType | null = null;
  let block: unknown[] = [];
  let bytes = 0;
  for (const [index, line] of lines.entries()) {
    block.push(JSON.parse(line));
    bytes += Buffer.byteLength(line) + 1;
    if (bytes < blockBytes && index < lines.length - 1) continue;
    const found = inferArrowType(block);
    const reason = types === null ? null : describeMisfit(types, found, "");
    if (reason !== null) return { line: index + 1, reason };
    types ??= found;
    [block, bytes] = [[], 0];
  }
  return null;
}

function getType(value: unknown): ArrowType {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return { list: inferArrowType(value) };
  if (typeof value === "object") return { struct: Object.fromEntries(Object.entries(value).map(([key, field]) => [key, getType(field)])) };
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return typeof value === "boolean" ? "bool" : "string";
}

function mergeTypes(a: ArrowType, b: ArrowType): ArrowType {
  if (a === "null") return b;
  if (b === "null" || a === b) return a;
  if ((a === "int" && b === "float") || (a === "float" && b === "int")) return "float";
  if (typeof a === "object" && typeof b === "object") {
    if ("list" in a && "list" in b) return { list: mergeTypes(a.list, b.list) };
    if ("struct" in a && "struct" in b) {
      const keys = [...new Set([...Object.keys(a.struct), ...Object.keys(b.struct)])];
      return { struct: Object.fromEntries(keys.map((key) => [key, mergeTypes(a.struct[key] ?? "null", b.struct[key] ?? "null")])) };
    }
  }
  throw new TypeError(`${JSON.stringify(a)} and ${JSON.stringify(b)} have no common type`);
}

function describeMisfit(expected: ArrowType, found: ArrowType, path: string): string | null {
  if (found === "null" || expected === found || (expected === "float" && found === "int")) return null;
  if (typeof expected === "object" && typeof found === "object") {
    if ("list" in expected && "list" in found) return describeMisfit(expected.list, found.list, `${path}[]`);
    if ("struct" in expected && "struct" in found) {
      for (const [key, type] of Object.entries(found.struct)) {
        const known = expected.struct[key];
        const reason = known === undefined ? `${path}.${key} is new` : describeMisfit(known, type, `${path}.${key}`);
        if (reason !== null) return reason;
      }
      return null;
    }
  }
  return `${path} was ${JSON.stringify(expected)}, is ${JSON.stringify(found)}`;
}
