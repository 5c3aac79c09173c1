import { createHash } from "node:crypto";

import { readFileChunks, openSeedFile } from "./seed-file.js";

/**
 * SHA-256 of a file's bytes, 64 hexadecimal digits as `sha256sum` prints them: tells a resumed run whether its seeds are
 * still the same. Read in blocks. Throws `InputError` where the file cannot be read.
 */
export async function digestSeeds(file: string): Promise<string> {
  const handle = await openSeedFile(file);
  try {
    const hash = createHash("sha256");
    for await (const block of readFileChunks(handle, file)) hash.update(block);
    return hash.digest("hex");
  } finally {
    await handle.close();
  }
}
