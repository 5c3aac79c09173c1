import type { z } from "zod";

import { InputError } from "../../errors.js";
import { Seed } from "./seed.js";

/** Most bytes one row may have, so that a file without line breaks or a closing bracket cannot fill the memory. */
export const maxRowBytes = 8 * 1024 * 1024;
export const maxRowSize = "8 MiB";

/** A row as it stands in the file: its value, or why it has none. */
export type Row = { readonly row: number } & ({ readonly value: unknown } | { readonly fault: InputError });

/** Text out of a file, made safe to print: short, on one line, without control characters. */
export function toPrintableLine(text: string): string {
  const line = text.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  return line.length > 120 ? `${line.slice(0, 120)}...` : line;
}

/**
 * Checks one row, which stands at `place` (e.g. `seeds.jsonl, line 3`). Absent are: null, and an `input` or `system` with
 * nothing in it. Returns the seed, or the error to report: the first thing that is wrong, its field, and what to do.
 */
export function validateRow(value: unknown, at: { readonly file: string; readonly row: number; readonly place: string }): Seed | InputError {
  const checked = Seed.safeParse(isObject(value) ? dropEmptyFields(value) : value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const field = formatPath(issue?.path ?? []);
  const details = { file: at.file, row: at.row, ...(field && { field }) };
  if (!isObject(value))
    return new InputError(`${at.place}: the row ${issue?.message}. Make every row an object such as {"instruction": "..."}.`, details);
  const advice = field === "instruction" && (value[field] ?? null) === null ? describeMissingField(value) : "Mend the row or take it out.";
  return new InputError(`${at.place}: the field "${field}" ${issue?.message}. ${advice}`, details);
}

function dropEmptyFields({ instruction, input, system, messages }: Record<string, unknown>): Record<string, unknown> {
  const fields = Object.entries({ instruction, input, system, messages });
  const isBlank = (name: string, value: unknown) => (name === "input" || name === "system") && typeof value === "string" && value.trim() === "";
  return Object.fromEntries(fields.filter(([name, value]) => value !== null && value !== undefined && !isBlank(name, value)));
}

function formatPath(path: z.core.$ZodIssue["path"]): string {
  return path.map((key, depth) => (typeof key === "number" ? `[${key}]` : `${depth ? "." : ""}${String(key)}`)).join("");
}

function describeMissingField(row: Record<string, unknown>): string {
  const names = Object.keys(row);
  const wrapped = names.find((name) => Array.isArray(row[name]) && row[name].some(isObject));
  const found = names.length ? `The row has: ${toPrintableLine(names.slice(0, 20).join(", "))}.` : "The row has no fields at all.";
  const hint = wrapped === undefined ? "" : ` If the rows stand under "${toPrintableLine(wrapped)}", save that list alone.`;
  return `${found} Every row needs an "instruction", or "messages" that end with the user's.${hint}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
