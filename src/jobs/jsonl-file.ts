import { type FileHandle, open } from "node:fs/promises";

import { ReviewInstructError } from "../errors.js";
import { readTextLines } from "../lines.js";

/**
 * A file of whole JSON lines that survives a kill at any moment: opening cuts off a torn last line, and a line counts as
 * written only once it is whole and on disk. Lines are written one after the other.
 */
export class JsonlFile {
  #end: number;
  #queue: Promise<void> = Promise.resolve();

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    end: number,
  ) {
    this.#end = end;
  }

  /** Opens or creates the file and hands every line to `onRow`. Throws where a whole line is not JSON. */
  static async open(path: string, onRow: (row: unknown) => void): Promise<JsonlFile> {
    const handle = await open(path, "a+").catch((error: unknown) => {
      throw toWriteError(path, error);
    });
    try {
      const end = await readExistingLines(path, handle, onRow);
      await handle.truncate(end);
      return new JsonlFile(path, handle, end);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Resolves once the row is on disk. After a failure the file ends where it ended before. */
  append(row: unknown): Promise<void> {
    const written = this.#queue.then(() => this.#write(Buffer.from(`${JSON.stringify(row)}\n`)));
    this.#queue = written.catch(() => {
      // The caller has the error; the next line gets its own chance.
    });
    return written;
  }

  async #write(line: Buffer): Promise<void> {
    try {
      await this.handle.appendFile(line);
      await this.handle.datasync();
      this.#end += line.length;
    } catch (error) {
      await this.handle.truncate(this.#end);
      throw toWriteError(this.path, error);
    }
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.handle.close();
  }
}

async function readExistingLines(path: string, handle: FileHandle, onRow: (row: unknown) => void): Promise<number> {
  const { size } = await handle.stat();
  const torn = size - (await findEndOfLastLine(handle, size));
  let number = 0;
  if (size - torn > 0) {
    for await (const line of readTextLines(handle.createReadStream({ start: 0, end: size - torn - 1, autoClose: false }))) {
      number += 1;
      onRow(parse(path, number, line));
    }
  }
  return size - torn;
}

/** Where the last whole line ends: what a kill left behind it was never counted as written. */
async function findEndOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0; end -= block.length) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

function parse(path: string, line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ReviewInstructError(
      "output_corrupted",
      `${path}, line ${line}: not JSON. Something else wrote into this file; repair or remove that line, then run again.`,
      { file: path, line },
      { cause: error },
    );
  }
}

/** What the file system refused, in words that say how to go on. */
export function toWriteError(path: string, cause: unknown): ReviewInstructError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ReviewInstructError(
    "output_write_failed",
    `cannot write ${path}: ${reason}. Nothing that was finished is lost: make room or fix the permissions, then run the same command again.`,
    { file: path },
    { cause },
  );
}
