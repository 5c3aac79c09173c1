import { randomUUID } from "node:crypto";
import { readFileSync, unlinkSync } from "node:fs";
import { link, readFile, stat, unlink, utimes, writeFile } from "node:fs/promises";

import { ReviewInstructError, hasErrorCode } from "../errors.js";
import { toWriteError } from "./jsonl-file.js";
import { type LockOwner, createLockOwner, isRunning, isSameOwner, parseLockOwner } from "./lock-owner.js";

const heartbeatMs = 10_000;
/** Age of the last heartbeat at which an owner whose process cannot be checked counts as dead. */
const staleMs = 6 * heartbeatMs;

/** A lock file that this process created. */
export interface FolderLock {
  /** Returns whether this process still holds it: it may have been taken over after a suspend, or deleted by a person. */
  isHeld(): Promise<boolean>;
  /** Deletes the lock file if it is still held. */
  release(): Promise<void>;
}

/**
 * Creates a lock file that names this process.
 *
 * A lock of a dead owner is replaced: its process is gone or, where that cannot be checked (another machine or container),
 * its heartbeat stopped.
 *
 * @throws {ReviewInstructError} `output_locked`, with process and machine of a living owner.
 */
export async function acquireLock(path: string): Promise<FolderLock> {
  const owner = createLockOwner();
  // Not named by process id: in containers that share the folder it may be the same.
  const tempPath = `${path}.${randomUUID()}`;
  await writeFile(tempPath, JSON.stringify(owner)).catch((error: unknown) => {
    throw toWriteError(path, error);
  });
  try {
    while (!(await tryAcquire(tempPath, path))) await removeStaleLock(path);
  } finally {
    await unlink(tempPath);
  }
  const isHeld = async () => isSameOwner(await readLockOwner(path), owner);
  const heartbeat = setInterval(() => void refreshLock(path, isHeld), heartbeatMs);
  heartbeat.unref();
  return {
    isHeld,
    release: async () => {
      clearInterval(heartbeat);
      if (await isHeld()) await unlink(path);
    },
  };
}

/** `link` is atomic: of several processes that try, one succeeds. */
async function tryAcquire(tempPath: string, path: string): Promise<boolean> {
  try {
    await link(tempPath, path);
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw toWriteError(path, error);
  }
}

async function removeStaleLock(path: string): Promise<void> {
  const owner = await readLockOwner(path);
  if (owner && (isRunning(owner) ?? (await hasHeartbeat(path)))) throw createLockedError(path, owner);
  try {
    // Read again right before, since another process may have replaced the dead owner meanwhile.
    if (isSameOwner(parseLockOwner(readFileSync(path, "utf8")), owner)) unlinkSync(path);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw toWriteError(path, error);
  }
}

function createLockedError(path: string, owner: LockOwner): ReviewInstructError {
  const { pid, host, since } = owner;
  const elsewhere = ` That is another machine or container; if it was killed there, run again ${staleMs / 1000} s later.`;
  return new ReviewInstructError(
    "output_locked",
    `the output folder is in use by process ${pid} on ${host} since ${since}. Wait for it, stop it, or choose another --output.` +
      (isRunning(owner) === null ? elsewhere : ""),
    { ...owner, file: path },
  );
}

async function hasHeartbeat(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs < staleMs;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return false;
    throw toWriteError(path, error);
  }
}

async function readLockOwner(path: string): Promise<LockOwner | null> {
  try {
    return parseLockOwner(await readFile(path, "utf8"));
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw toWriteError(path, error);
  }
}

/** A failed heartbeat is not reported, as the next one makes up for it. Another process's lock is not refreshed. */
async function refreshLock(path: string, isHeld: () => Promise<boolean>): Promise<void> {
  const now = new Date();
  if (await isHeld().catch(() => false)) await utimes(path, now, now).catch(() => undefined);
}
