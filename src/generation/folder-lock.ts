import { readFileSync, unlinkSync } from "node:fs";
import { link, readFile, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";

import { z } from "zod";

import { ReviewInstructError } from "../errors.js";
import { diskError } from "./jsonl-file.js";

const Holder = z.object({ pid: z.int(), host: z.string(), since: z.string(), born: z.string().nullable() });
type Holder = z.infer<typeof Holder>;

const heartbeatMs = 10_000;
/** A holder on another machine is taken for dead after this long without a heartbeat. */
const staleMs = 6 * heartbeatMs;

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Takes the only right to write: a file that names its holder. Throws `output_in_use` with the holder's process and machine
 * while it lives; a holder that died (its process is gone, or on another machine its heartbeat stopped) is replaced.
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  const me: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString(), born: bornAt(process.pid) };
  const mine = `${path}.${me.pid}`;
  await writeFile(mine, JSON.stringify(me)).catch((error: unknown) => {
    throw diskError(path, error);
  });
  try {
    while (!(await taken(mine, path))) await removeStale(path);
  } finally {
    await unlink(mine);
  }
  const beat = setInterval(() => void touch(path), heartbeatMs);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      if (samePerson(await readHolder(path), me)) await unlink(path);
    },
  };
}

/** `link` is atomic: of several processes that try, one gets the name. */
async function taken(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw diskError(path, error);
  }
}

async function removeStale(path: string): Promise<void> {
  const holder = await readHolder(path);
  if (holder && (await lives(holder, path))) {
    throw new ReviewInstructError(
      "output_in_use",
      `the output folder is in use by process ${holder.pid} on ${holder.host} since ${holder.since}. Wait for it, stop it, or choose another --output.`,
      { ...holder, file: path },
    );
  }
  try {
    // Looked at again right before: another process may have replaced the dead holder meanwhile.
    if (samePerson(parseHolder(readFileSync(path, "utf8")), holder)) unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw diskError(path, error);
  }
}

async function lives(holder: Holder, path: string): Promise<boolean> {
  if (holder.host !== hostname()) return Date.now() - (await stat(path)).mtimeMs < staleMs;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  // The number may have gone to another process since.
  return bornAt(holder.pid) === holder.born;
}

/** When a process started, in the kernel's own clock; null where the system does not tell. */
function bornAt(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    return fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return parseHolder(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw diskError(path, error);
  }
}

/** Null for anything that no holder wrote. */
function parseHolder(text: string): Holder | null {
  try {
    return Holder.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function samePerson(a: Holder | null, b: Holder | null): boolean {
  return a?.pid === b?.pid && a?.host === b?.host && a?.since === b?.since;
}

/** A missed beat matters to other machines only; the next one makes up for it. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
