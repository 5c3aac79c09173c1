import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

import { z } from "zod";

import { hasErrorCode } from "../errors.js";

/** The process that holds a lock, as its lock file describes it. */
const LockOwner = z.object({
  pid: z.int(),
  host: z.string(),
  /** See {@link getPidNamespace}. */
  pidNamespace: z.string().nullable().default(null),
  since: z.string(),
  startTime: z.string().nullable(),
});
export type LockOwner = Readonly<z.infer<typeof LockOwner>>;

/** Describes this process as the owner of a lock from now on. */
export function createLockOwner(): LockOwner {
  const { pid } = process;
  return { pid, host: hostname(), pidNamespace: getPidNamespace(), since: new Date().toISOString(), startTime: getProcessStartTime(pid) };
}

/** Parses a lock file. Returns null for anything else. */
export function parseLockOwner(text: string): LockOwner | null {
  try {
    return LockOwner.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Returns true if both are one process holding one lock. */
export function isSameOwner(a: LockOwner | null, b: LockOwner | null): boolean {
  return a?.pid === b?.pid && a?.host === b?.host && a?.pidNamespace === b?.pidNamespace && a?.since === b?.since;
}

/** Returns whether the owner's process still runs; null if its id means nothing here (another machine or container). */
export function isRunning(owner: LockOwner): boolean | null {
  if (owner.host !== hostname() || owner.pidNamespace === null || owner.pidNamespace !== getPidNamespace()) return null;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return hasErrorCode(error, "EPERM");
  }
  // The id may belong to another process by now.
  return getProcessStartTime(owner.pid) === owner.startTime;
}

/**
 * Returns what process ids are unique in: on Linux this boot and PID namespace, elsewhere the machine.
 *
 * Containers may share a host name. Null if it cannot be read.
 */
function getPidNamespace(): string | null {
  if (process.platform !== "linux") return process.platform;
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

/** Returns when a process started, in the kernel's clock; null where the system does not say. */
function getProcessStartTime(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    return fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
