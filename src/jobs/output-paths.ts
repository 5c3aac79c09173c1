import { join } from "node:path";

import type { Shard } from "./shard.js";

/** Files of an output folder. A shard's own have `.<i>-of-<n>` in their names. */
export interface OutputPaths {
  readonly manifest: string;
  readonly rows: string;
  readonly failures: string;
  readonly lock: string;
  /** Returns the path of a further file, e.g. `getPath("usage", "jsonl")`. */
  getPath(name: string, extension: string): string;
}

/** Returns the files of an output folder, or of one shard in it. */
export function getOutputPaths(folder: string, rowsName: string, shard: Shard | null): OutputPaths {
  const suffix = shard && shard.of > 1 ? `.${shard.index + 1}-of-${shard.of}` : "";
  const getPath = (name: string, extension: string) => join(folder, `${name}${suffix}.${extension}`);
  return {
    manifest: join(folder, "manifest.json"),
    rows: getPath(rowsName, "jsonl"),
    failures: getPath("failures", "jsonl"),
    lock: join(folder, `.lock${suffix}`),
    getPath,
  };
}
