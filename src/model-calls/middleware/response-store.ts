import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { InputError, hasErrorCode } from "../../errors.js";

/** Keeps texts by key. `new Keyv(...)` and its adapters fit as they are. */
export interface ResponseStore {
  /** Returns the text, or undefined if there is none. */
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

/**
 * Creates a store with one file per text in `dir`. Several processes may share the folder, as files appear whole.
 *
 * @throws {InputError} If `dir` cannot be written.
 */
export function createFileResponseStore(dir: string): ResponseStore {
  assertWritable(dir);
  const getPath = (key: string) => join(dir, key.slice(0, 2), `${key.slice(2)}.json`);
  return {
    async get(key) {
      try {
        return await readFile(getPath(key), "utf8");
      } catch (error) {
        if (hasErrorCode(error, "ENOENT")) return undefined;
        throw error;
      }
    },
    async set(key, value) {
      const path = getPath(key);
      const draft = `${path}.${randomUUID()}.tmp`;
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(draft, value, { flag: "wx" });
        await rename(draft, path);
      } catch (error) {
        // Whatever prevents writing a draft may also prevent its removal.
        await rm(draft, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    delete: (key) => rm(getPath(key), { force: true }),
  };
}

function assertWritable(dir: string): void {
  const probe = join(dir, `.${randomUUID()}.tmp`);
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (cause) {
    throw new InputError(`cannot keep responses in ${dir}: ${String(cause)}. Make the folder writable, or choose another`, { file: dir }, { cause });
  }
}
