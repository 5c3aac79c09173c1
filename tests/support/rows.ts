import { readFile } from "node:fs/promises";

import { z } from "zod";

import { ConversationRow } from "../../src/dataset/conversation-row.js";
import { FailureRow } from "../../src/jobs/output-folder.js";

/** Reads the rows of an output folder's file and validates each. Throws for an incomplete line. */
export async function readRows(file: string): Promise<ConversationRow[]> {
  return (await readLines(file)).map((line) => z.strictObject(ConversationRow.shape).parse(line));
}

/** Returns the seed indexes of the rows in ascending order. */
export function getSeedIndexes(rows: readonly ConversationRow[]): number[] {
  return rows.map(({ seed }) => seed.index).sort((a, b) => a - b);
}

/** Returns the numbers from 0 up to `count`, which {@link getSeedIndexes} returns for a complete job. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Reads the failure rows of an output folder's file. */
export async function readFailures(file: string): Promise<FailureRow[]> {
  return (await readLines(file)).map((line) => FailureRow.parse(line));
}

async function readLines(file: string): Promise<unknown[]> {
  const text = await readFile(file, "utf8");
  if (text !== "" && !text.endsWith("\n")) throw new Error(`${file} ends with an incomplete line`);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}
