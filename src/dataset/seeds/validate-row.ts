import type { z } from "zod";

import { InputError } from "../../errors.js";
import { Seed } from "./seed.js";

/** Maximum number of bytes per row, so that a file without line breaks or a closing bracket cannot fill the memory. */
export const maxRowBytes = 8 * 1024 * 1024;
/** {@link maxRowBytes} as shown in messages. */
export const maxRowSize = "8 MiB";

/** A row of a seed file before validation: its value, or why it has none. */
export type RawRow = { readonly row: number } & ({ readonly value: unknown } | { readonly error: InputError });

/** Makes text from a file safe to print: short, on one line, without control characters. */
export function toPrintableLine(text: string): string {
  const line = text.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  return line.length > 120 ? `${line.slice(0, 120)}...` : line;
}

/**
 * Validates one row.
 *
 * Null, and an `input` or `system` of white space only, count as absent.
 *
 * @param location File, row number and a description for messages, e.g. `seeds.jsonl, line 3`.
 * @returns The seed, or an error with the first problem, its field, and what to do.
 */
export function validateRow(
  value: unknown,
  location: { readonly file: string; readonly row: number; readonly place: string },
): Seed | InputError {
  const { file, row, place } = location;
  const parsed = Seed.safeParse(isObject(value) ? dropEmptyFields(value) : value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = formatPath(issue?.path ?? []);
  const details = { file, row, ...(field && { field }) };
  if (!isObject(value))
    return new InputError(`${place}: the row ${issue?.message}. Make every row an object such as {"instruction": "..."}.`, details);
  const advice = field === "instruction" && (value[field] ?? null) === null ? describeMissingField(value) : "Fix or remove the row.";
  return new InputError(`${place}: the field "${field}" ${issue?.message}. ${advice}`, details);
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
  const wrapper = names.find((name) => Array.isArray(row[name]) && row[name].some(isObject));
  const fields = names.length ? `The row has: ${toPrintableLine(names.slice(0, 20).join(", "))}.` : "The row has no fields at all.";
  const hint = wrapper === undefined ? "" : ` If the rows are in "${toPrintableLine(wrapper)}", save only that list.`;
  return `${fields} Every row needs an "instruction", or "messages" that end with a user message.${hint}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
