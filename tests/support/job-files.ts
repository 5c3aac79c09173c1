import { join } from "node:path";

import type { OpenAiServer } from "./openai-server.js";
import { range, readRows } from "./rows.js";
import { createTemporaryFiles } from "./temporary-files.js";

/** Creates a helper for the files of jobs in one test file, which are deleted after its tests. */
export function createJobFiles() {
  const files = createTemporaryFiles();
  let folders = 0;
  return {
    ...files,
    /** Returns an output folder that does not exist yet. */
    createFolderPath: () => files.path(`out-${++folders}`),
    /** Writes a file of that many seeds, each with its own number. */
    writeSeeds: (count: number) =>
      files.write(
        range(count)
          .map((index) => JSON.stringify({ instruction: `Why is ${index} a number?` }))
          .join("\n"),
      ),
  };
}

/** Reads the finished rows of a job that ran in one process. */
export function readJobRows(output: string) {
  return readRows(join(output, "conversations.jsonl"));
}

/** Returns the command line of a job whose models are all at one server. */
export function getGenerateArgs({ baseUrl }: OpenAiServer, seeds: string, output: string): string[] {
  return ["generate", seeds, "--output", output, "--model", "openai:test", "--base-url", baseUrl];
}
