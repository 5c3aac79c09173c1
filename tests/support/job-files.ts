import { join } from "node:path";

import type { OpenAiServer } from "./openai-server.js";
import { range, readRows } from "./rows.js";
import { createTemporaryFiles } from "./temporary-files.js";

/** The files of the jobs in one test file, gone when its tests are done. Call it at the top of the file. */
export function jobFiles() {
  const files = createTemporaryFiles();
  let folders = 0;
  return {
    ...files,
    /** An output folder that does not exist yet. */
    freshFolder: () => files.path(`out-${++folders}`),
    /** A file of so many seeds, each about its own place in it. */
    seeds: (count: number) =>
      files.write(
        range(count)
          .map((index) => JSON.stringify({ instruction: `Why is ${index} a number?` }))
          .join("\n"),
      ),
  };
}

/** The finished rows of a job in one process. */
export function readFileRows(output: string) {
  return readRows(join(output, "conversations.jsonl"));
}

/** The command line of a job whose models are all at one server. */
export function against({ baseUrl }: OpenAiServer, seeds: string, output: string): string[] {
  return ["generate", seeds, "--output", output, "--model", "openai:test", "--base-url", baseUrl];
}
