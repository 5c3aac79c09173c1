import { randomUUID } from "node:crypto";
import { readFileSync, unlinkSync } from "node:fs";
import { link, readFile, stat, unlink, utimes, writeFile } from "node:fs/promises";

import { ReviewInstructError } from "../errors.js";
import { toWriteError } from "./jsonl-file.js";
import { type LockOwner, isRunning, parseLockOwner, isSameOwner, thisProcess } from "./lock-owner.js";

const heartbeatMs = 10_000;
/** A holder whose process cannot be looked at is taken for dead after this long without a heartbeat. */
const staleMs = 6 * heartbeatMs;

export interface FolderLock {
  /** Whether it is still this process's own: another may take it from a holder that slept, and a person may delete it. */
  isHeld(): Promise<boolean>;
  /** Lets go of what is still its own. */
  release(): Promise<void>;
}

/**
 * Takes the only right to write: a file that names its holder. Throws `output_locked` with the holder's process and machine
 * while it lives; a holder that died is replaced: its process is gone, or, where its number means nothing here (on another
 * machine, in another container), its heartbeat stopped.
 */
export async function acquireLock(path: string): Promise<FolderLock> {
  const me = thisProcess();
  // Not by the process number: in containers that share the folder it may be the same.
  const mine = `${path}.${randomUUID()}`;
  await writeFile(mine, JSON.stringify(me)).catch((error: unknown) => {
    throw toWriteError(path, error);
  });
  try {
    while (!(await tryAcquire(mine, path))) await removeStaleLock(path);
  } finally {
    await unlink(mine);
  }
  const isHeld = async () => isSameOwner(await readLockOwner(path), me);
  const beat = setInterval(() => void refreshLock(path, isHeld), heartbeatMs);
  beat.unref();
  return {
    isHeld,
    release: async () => {
      clearInterval(beat);
      if (await isHeld()) await unlink(path);
    },
  };
}

/** `link` is atomic: of several processes that try, one gets the name. */
async function tryAcquire(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw toWriteError(path, error);
  }
}

async function removeStaleLock(path: string): Promise<void> {
  const holder = await readLockOwner(path);
  if (holder && (isRunning(holder) ?? (await hasHeartbeat(path)))) throw lockedError(path, holder);
  try {
    // Looked at again right before: another process may have replaced the dead holder meanwhile.
    if (isSameOwner(parseLockOwner(readFileSync(path, "utf8")), holder)) unlinkSync(path);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw toWriteError(path, error);
  }
}

function lockedError(path: string, holder: LockOwner): ReviewInstructError {
  const { pid, host, since } = holder;
  const elsewhere = ` That is another machine or container; if it was killed there, run again ${staleMs / 1000} s later.`;
  return new ReviewInstructError(
    "output_locked",
    `the output folder is in use by process ${pid} on ${host} since ${since}. Wait for it, stop it, or choose another --output.` +
      (isRunning(holder) === null ? elsewhere : ""),
    { ...holder, file: path },
  );
}

async function hasHeartbeat(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs < staleMs;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw toWriteError(path, error);
  }
}

async function readLockOwner(path: string): Promise<LockOwner | null> {
  try {
    return parseLockOwner(await readFile(path, "utf8"));
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw toWriteError(path, error);
  }
}

/** A missed beat matters to others only, and the next one makes up for it. Another's lock is not kept alive. */
async function refreshLock(path: string, isHeld: () => Promise<boolean>): Promise<void> {
  const now = new Date();
  if (await isHeld().catch(() => false)) await utimes(path, now, now).catch(() => undefined);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
