import { type FileHandle, open, stat } from "node:fs/promises";

import { InputError } from "../../errors.js";

const chunkBytes = 64 * 1024;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "does not exist. Check the path.",
  EACCES: "cannot be read: permission denied. Check its permissions.",
};

/**
 * Opens a seed file for reading.
 *
 * @throws {InputError} If the file does not exist, cannot be read, or is not a regular file.
 */
export async function openSeedFile(file: string): Promise<FileHandle> {
  try {
    // Checked before opening, since opening a pipe would wait for its writer.
    const stats = await stat(file);
    if (stats.isDirectory()) throw new InputError(`${file} is a directory. Give the path of the seed file.`, { file });
    if (!stats.isFile()) {
      const advice = "Seeds are read more than once (to validate, to resume): save them to a file first.";
      throw new InputError(`${file} is not a regular file. ${advice}`, { file });
    }
    return await open(file, "r");
  } catch (error) {
    throw toReadError(file, error);
  }
}

/** Reads a file from byte `start` in chunks. Reads nothing ahead of the caller. */
export async function* readChunks(handle: FileHandle, file: string, start = 0): AsyncGenerator<Buffer> {
  for (let position = start; ;) {
    const chunk = await readChunk(handle, file, position);
    if (chunk.length === 0) return;
    position += chunk.length;
    yield chunk;
  }
}

async function readChunk(handle: FileHandle, file: string, position: number): Promise<Buffer> {
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw toReadError(file, error);
  }
}

function toReadError(file: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const reason = reasons[code] ?? `cannot be read (${code}). Check the path and the disk.`;
  return new InputError(`The seed file ${file} ${reason}`, { file }, { cause: error });
}
