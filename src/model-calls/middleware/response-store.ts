import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { InputError, getErrorMessage, hasErrorCode } from "../../errors.js";

/**
 * Stores texts by key.
 *
 * @example
 * ```ts
 * const store: ResponseStore = new Keyv(new KeyvRedis("redis://localhost:6379"));
 * ```
 */
export interface ResponseStore {
  /** Returns the text, or undefined if there is none. */
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

/**
 * Creates a store with one file per text in `dir`. Several processes may share the folder, as files appear atomically.
 *
 * @throws {InputError} If `dir` cannot be written.
 */
export function createFileResponseStore(dir: string): ResponseStore {
  assertWritable(dir);
  // Two-letter folders keep each folder small.
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
      const tempPath = `${path}.${randomUUID()}.tmp`;
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(tempPath, value, { flag: "wx" });
        await rename(tempPath, path);
      } catch (error) {
        // Whatever prevented the write may also prevent the removal.
        await rm(tempPath, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    delete: (key) => rm(getPath(key), { force: true }),
  };
}

function assertWritable(dir: string): void {
  const probePath = join(dir, `.${randomUUID()}.tmp`);
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(probePath, "");
    rmSync(probePath);
  } catch (cause) {
    throw new InputError(
      `cannot store responses in ${dir}: ${getErrorMessage(cause)}. Make the folder writable, or choose another`,
      { file: dir },
      { cause },
    );
  }
}
