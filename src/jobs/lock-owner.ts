import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

import { z } from "zod";

/** What a lock says of the process that holds it. */
const LockOwner = z.object({
  pid: z.int(),
  host: z.string(),
  /** See {@link getPidNamespace}. */
  processes: z.string().nullable().default(null),
  since: z.string(),
  born: z.string().nullable(),
});
export type LockOwner = Readonly<z.infer<typeof LockOwner>>;

/** This process as a holder from now on. */
export function thisProcess(): LockOwner {
  return {
    pid: process.pid,
    host: hostname(),
    processes: getPidNamespace(),
    since: new Date().toISOString(),
    born: getProcessStartTime(process.pid),
  };
}

/** Null for anything that no holder wrote. */
export function parseLockOwner(text: string): LockOwner | null {
  try {
    return LockOwner.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Whether both are one process holding one lock. */
export function isSameOwner(a: LockOwner | null, b: LockOwner | null): boolean {
  return a?.pid === b?.pid && a?.host === b?.host && a?.processes === b?.processes && a?.since === b?.since;
}

/** Whether the holder's process still runs; null where its number means nothing here, on another machine or in another container. */
export function isRunning(holder: LockOwner): boolean | null {
  if (holder.host !== hostname() || holder.processes === null || holder.processes !== getPidNamespace()) return null;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  // The number may have gone to another process since.
  return getProcessStartTime(holder.pid) === holder.born;
}

/**
 * Names the table in which a process number means something: on Linux this boot and PID namespace (containers may share a
 * host's name), null where they cannot be read; elsewhere a machine has but one.
 */
function getPidNamespace(): string | null {
  if (process.platform !== "linux") return process.platform;
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

/** When a process started, in the kernel's own clock; null where the system does not tell. */
function getProcessStartTime(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    return fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
