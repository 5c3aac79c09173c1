import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll } from "vitest";

/** A folder of its own for the tests of one file, gone when they are done. Call it at the top of the file. */
export function temporaryFiles() {
  let folder = "";
  let count = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "review-instruct-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  return {
    path,
    /** Writes a new file and returns its path. */
    async write(content: string | Uint8Array, extension = "jsonl"): Promise<string> {
      const file = path(`${++count}.${extension}`);
      await writeFile(file, content);
      return file;
    },
  };
}
