import { type FileHandle, open } from "node:fs/promises";

import { ReviewInstructError, getErrorMessage } from "../errors.js";
import { readTextLines } from "../lines.js";

/**
 * A file of JSON lines that survives a kill at any moment.
 *
 * Opening it cuts off a partial last line, and a line counts as written only once it is whole and on disk. Lines are written
 * one after the other.
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

  /**
   * Opens or creates the file and passes every line to `onRow`.
   *
   * @throws {ReviewInstructError} `output_corrupted` if a whole line is not JSON, `output_write_failed` if it cannot be opened.
   */
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
      // The caller gets the error; the next line is tried all the same.
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

  /** Waits for pending lines and closes the file. */
  async close(): Promise<void> {
    await this.#queue;
    await this.handle.close();
  }
}

/** Returns where the last whole line ends. */
async function readExistingLines(path: string, handle: FileHandle, onRow: (row: unknown) => void): Promise<number> {
  const { size } = await handle.stat();
  const end = await findEndOfLastLine(handle, size);
  if (end === 0) return end;
  let number = 0;
  for await (const line of readTextLines(handle.createReadStream({ start: 0, end: end - 1, autoClose: false }))) {
    number += 1;
    onRow(parseLine(path, number, line));
  }
  return end;
}

async function findEndOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0; end -= block.length) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const lineFeedIndex = block.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (lineFeedIndex >= 0) return start + lineFeedIndex + 1;
  }
  return 0;
}

function parseLine(path: string, line: number, text: string): unknown {
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

/** Converts an error of the file system to `output_write_failed`, with what to do about it. */
export function toWriteError(path: string, cause: unknown): ReviewInstructError {
  return new ReviewInstructError(
    "output_write_failed",
    `cannot write ${path}: ${getErrorMessage(cause)}. Nothing that was finished is lost: make room or fix the permissions, then run the same command again.`,
    { file: path },
    { cause },
  );
}
