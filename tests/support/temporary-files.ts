import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll } from "vitest";

/** Creates a temporary folder for the tests of one file, and deletes it after them. Call it at the top level of the file. */
export function createTemporaryFiles() {
  let folder = "";
  let count = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "review-instruct-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  return {
    /** Returns the path of a file in the folder. */
    path,
    /** Writes a new file and returns its path. */
    async write(content: string | Uint8Array, extension = "jsonl"): Promise<string> {
      const file = path(`${++count}.${extension}`);
      await writeFile(file, content);
      return file;
    },
  };
}
