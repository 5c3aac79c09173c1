import type { z } from "zod";

import { InputError } from "../../errors.js";
import { isNoInput, toSeed } from "./alpaca.js";
import { describeMissingField, describeShareGpt, isObject, isShareGptList } from "./row-advice.js";
import { FileSeed, type Seed } from "./seed.js";

/** Maximum number of bytes per row, so that a file without line breaks or a closing bracket cannot fill the memory. */
export const maxRowBytes = 8 * 1024 * 1024;
/** {@link maxRowBytes} as shown in messages. */
export const maxRowSize = "8 MiB";

/** A row of a seed file before validation: its value, or why it has none. */
export type RawRow = { readonly row: number } & ({ readonly value: unknown } | { readonly error: InputError });

/**
 * Validates one row.
 *
 * Null, an empty `history`, an `input` or `system` of white space only, and an input such as `<noinput>` count as absent. Fields
 * that are not those of a seed are kept in `extra`.
 *
 * @param location File, row number and a description for messages, e.g. `seeds.jsonl, line 3`.
 * @returns The seed, or an error with the first problem, its field, and what to do.
 */
export function validateRow(
  value: unknown,
  location: { readonly file: string; readonly row: number; readonly place: string },
): Seed | InputError {
  const { file, row, place } = location;
  const { fields, others } = isObject(value) ? splitFields(value) : { fields: value, others: {} };
  const parsed = FileSeed.safeParse(fields);
  if (parsed.success) return { ...toSeed(parsed.data), ...(Object.keys(others).length > 0 && { extra: JSON.stringify(others) }) };
  const [issue] = parsed.error.issues;
  const field = formatPath(issue?.path ?? []);
  const details = { file, row, ...(field && { field }) };
  if (!isObject(value))
    return new InputError(`${place}: the row ${issue?.message}. Make every row an object such as {"instruction": "..."}.`, details);
  return new InputError(`${place}: the field "${field}" ${issue?.message}. ${describeFix(value, field)}`, details);
}

function describeFix(row: Record<string, unknown>, field: string): string {
  if (field === "instruction" && (row[field] ?? null) === null) return describeMissingField(row);
  if (field.startsWith("messages[") && isShareGptList(row["messages"])) return describeShareGpt("messages");
  return "Fix or remove the row.";
}

/** Separates the fields of a seed, without empty ones, from the other fields of a row. */
function splitFields(row: Record<string, unknown>) {
  const { instruction, input, system, messages, history, ...others } = row;
  const fields = Object.entries({ instruction, input, system, messages, history });
  return { fields: Object.fromEntries(fields.filter(([name, value]) => !isEmpty(name, value))), others };
}

function isEmpty(name: string, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (name === "history") return Array.isArray(value) && value.length === 0;
  if (typeof value !== "string") return false;
  return name === "input" ? isNoInput(value) : name === "system" && value.trim() === "";
}

function formatPath(path: z.core.$ZodIssue["path"]): string {
  return path.map((key, depth) => (typeof key === "number" ? `[${key}]` : `${depth ? "." : ""}${String(key)}`)).join("");
}
