import { access, readFile, utimes, writeFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { acquireLock } from "../../../src/jobs/folder-lock.js";
import { thisProcess } from "../../../src/jobs/lock-owner.js";
import { temporaryFiles } from "../../support/temporary-files.js";

const files = temporaryFiles();
/** More than any system gives out. */
const noProcess = 2 ** 30;
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

/** A lock as its holder left it, last touched that many minutes ago. */
async function lockOf(holder: object, minutes: number): Promise<string> {
  const lock = await files.write(JSON.stringify(holder), "lock");
  await utimes(lock, minutesAgo(minutes), minutesAgo(minutes));
  return lock;
}

describe("a lock", () => {
  it("of a process that is gone is taken at once", async () => {
    const lock = await lockOf({ ...thisProcess(), pid: noProcess }, 0);
    await (await acquireLock(lock)).release();
    await expect(access(lock)).rejects.toThrow("ENOENT");
  });

  it("of a process that lives is never taken, however old", async () => {
    const lock = await lockOf(thisProcess(), 100);
    await expect(acquireLock(lock)).rejects.toMatchObject({ code: "output_locked", message: expect.not.stringContaining("container") });
  });

  describe.each([
    ["in another PID namespace", { ...thisProcess(), processes: "a-boot pid:[1]" }],
    ["where the process table cannot be told", { ...thisProcess(), processes: null }],
    ["on another machine", { ...thisProcess(), host: "elsewhere" }],
  ])("of a holder %s", (_where, holder) => {
    it.each([process.pid, noProcess])("is left alone while its heartbeat is fresh (process %i)", async (pid) => {
      const lock = await lockOf({ ...holder, pid }, 0);
      await expect(acquireLock(lock)).rejects.toMatchObject({ code: "output_locked", message: expect.stringContaining("container") });
    });

    it.each([process.pid, noProcess])("is taken when its heartbeat stopped (process %i)", async (pid) => {
      const lock = await lockOf({ ...holder, pid }, 2);
      expect(await (await acquireLock(lock)).isHeld()).toBe(true);
    });
  });

  it("that another took over is not its holder's any more, and is left to the other", async () => {
    const path = files.path("taken-over");
    const lock = await acquireLock(path);
    expect(await lock.isHeld()).toBe(true);
    const another = JSON.stringify({ ...thisProcess(), host: "elsewhere" });
    await writeFile(path, another);
    expect(await lock.isHeld()).toBe(false);
    await lock.release();
    expect(await readFile(path, "utf8")).toBe(another);
  });

  it("that somebody deleted is held by nobody", async () => {
    const lock = await acquireLock(files.path("kept"));
    await lock.release();
    expect(await lock.isHeld()).toBe(false);
    await lock.release();
  });
});
