import { type FileHandle, open, stat } from "node:fs/promises";

import { InputError } from "../../errors.js";

const blockSize = 64 * 1024;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "does not exist. Check the path.",
  EACCES: "may not be read. Check its permissions.",
};

/** Opens a file of seeds for reading. Throws `InputError` where there is none, or none that can be read twice. */
export async function openSeedFile(file: string): Promise<FileHandle> {
  try {
    // Looked at before it is opened, for opening a pipe would wait for its writer.
    const found = await stat(file);
    if (found.isDirectory()) throw new InputError(`${file} is a directory. Name the file with the seeds in it.`, { file });
    if (!found.isFile()) {
      throw new InputError(`${file} is not a regular file. Seeds are read more than once (to resume, to check): save them to a file first.`, {
        file,
      });
    }
    return await open(file, "r");
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** The bytes of a file from `start` on, in blocks; none is read before it is asked for. */
export async function* readFileChunks(handle: FileHandle, file: string, start = 0): AsyncGenerator<Buffer> {
  for (let position = start; ;) {
    const block = await readBlock(handle, file, position);
    if (block.length === 0) return;
    position += block.length;
    yield block;
  }
}

async function readBlock(handle: FileHandle, file: string, position: number): Promise<Buffer> {
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(blockSize), 0, blockSize, position);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const reason = reasons[code] ?? `cannot be read (${code}). Check the path and the disk.`;
  return new InputError(`The seed file ${file} ${reason}`, { file }, { cause: error });
}
