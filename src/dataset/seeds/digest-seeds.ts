import { createHash } from "node:crypto";

import { openSeedFile, readChunks } from "./seed-file.js";

/**
 * Returns the SHA-256 of a file as 64 hexadecimal digits, as `sha256sum` prints it.
 *
 * @throws {InputError} If the file cannot be read.
 */
export async function digestSeeds(file: string): Promise<string> {
  const handle = await openSeedFile(file);
  try {
    const hash = createHash("sha256");
    for await (const chunk of readChunks(handle, file)) hash.update(chunk);
    return hash.digest("hex");
  } finally {
    await handle.close();
  }
}
