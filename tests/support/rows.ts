import { readFile } from "node:fs/promises";

import { z } from "zod";

import { ConversationRow } from "../../src/dataset/conversation-row.js";
import { FailureRow } from "../../src/jobs/output-folder.js";

/** Every row of an output folder's file, each checked against the published shape. A torn line throws. */
export async function readRows(file: string): Promise<ConversationRow[]> {
  return (await lines(file)).map((line) => z.strictObject(ConversationRow.shape).parse(line));
}

/** The seeds that the rows are of, in order. */
export function getSeedIndexes(rows: readonly ConversationRow[]): number[] {
  return rows.map(({ seed }) => seed.index).sort((a, b) => a - b);
}

/** What {@link getSeedIndexes} of a whole job gives. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

export async function readFailures(file: string): Promise<FailureRow[]> {
  return (await lines(file)).map((line) => FailureRow.parse(line));
}

async function lines(file: string): Promise<unknown[]> {
  const text = await readFile(file, "utf8");
  if (text !== "" && !text.endsWith("\n")) throw new Error(`${file} ends with a torn line`);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}
