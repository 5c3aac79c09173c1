import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

import { InputError, getErrorMessage } from "../errors.js";
import { readTextLines } from "../lines.js";

/**
 * Reads the rows of an output folder, shards included, as parsed JSON without validation.
 *
 * Skips an incomplete last line, which a running or killed job may have left.
 *
 * @throws {InputError} If the folder has no rows file, and for a line that is not JSON.
 */
export async function readRows(folder: string): Promise<AsyncGenerator<unknown>> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new InputError(`cannot read the output folder ${folder}: ${getErrorMessage(cause)}`, { file: folder }, { cause });
  });
  const files = names.filter((name) => /^conversations(\.\d+-of-\d+)?\.jsonl$/.test(name)).sort();
  if (files.length === 0) throw new InputError(`${folder} contains no conversations.jsonl: give the --output folder of a job`, { file: folder });
  return readAllRows(files.map((name) => join(folder, name)));
}

async function* readAllRows(files: readonly string[]): AsyncGenerator<unknown> {
  for (const file of files) yield* readFileRows(file);
}

async function* readFileRows(file: string): AsyncGenerator<unknown> {
  const handle = await open(file);
  try {
    let row = 0;
    let pending: string | null = null;
    for await (const line of readTextLines(handle.createReadStream({ autoClose: false }))) {
      if (pending !== null) yield parseRow(file, row, pending);
      pending = line;
      row += 1;
    }
    if (pending !== null && (await endsWithNewline(file))) yield parseRow(file, row, pending);
  } finally {
    await handle.close();
  }
}

async function endsWithNewline(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    return buffer[0] === 0x0a;
  } finally {
    await handle.close();
  }
}

function parseRow(file: string, row: number, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new InputError(`${file}, line ${row}: not valid JSON. Fix or remove the line.`, { file, row }, { cause });
  }
}
