import { access, readFile, utimes, writeFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { acquireLock } from "../../../src/jobs/folder-lock.js";
import { createLockOwner } from "../../../src/jobs/lock-owner.js";
import { createTemporaryFiles } from "../../support/temporary-files.js";

const files = createTemporaryFiles();
/** Larger than any process id that a system assigns. */
const unusedPid = 2 ** 30;
const getMinutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

/** Writes a lock as its owner left it, with the last heartbeat that many minutes ago. */
async function writeLock(owner: object, minutes: number): Promise<string> {
  const lock = await files.write(JSON.stringify(owner), "lock");
  await utimes(lock, getMinutesAgo(minutes), getMinutesAgo(minutes));
  return lock;
}

describe("acquireLock", () => {
  it("takes over the lock of a process that is gone, at once", async () => {
    const lock = await writeLock({ ...createLockOwner(), pid: unusedPid }, 0);
    await (await acquireLock(lock)).release();
    await expect(access(lock)).rejects.toThrow("ENOENT");
  });

  it("never takes over the lock of a living process, however old it is", async () => {
    const lock = await writeLock(createLockOwner(), 100);
    await expect(acquireLock(lock)).rejects.toMatchObject({ code: "output_locked", message: expect.not.stringContaining("container") });
  });

  describe.each([
    ["in another PID namespace", { ...createLockOwner(), pidNamespace: "a-boot pid:[1]" }],
    ["in an unknown PID namespace", { ...createLockOwner(), pidNamespace: null }],
    ["on another machine", { ...createLockOwner(), host: "elsewhere" }],
  ])("with an owner %s", (where, owner) => {
    it.each([process.pid, unusedPid])(`respects the lock of an owner ${where} while its heartbeat is fresh (process %i)`, async (pid) => {
      const lock = await writeLock({ ...owner, pid }, 0);
      await expect(acquireLock(lock)).rejects.toMatchObject({ code: "output_locked", message: expect.stringContaining("container") });
    });

    it.each([process.pid, unusedPid])(`takes over the lock of an owner ${where} when its heartbeat stopped (process %i)`, async (pid) => {
      const lock = await writeLock({ ...owner, pid }, 2);
      expect(await (await acquireLock(lock)).isHeld()).toBe(true);
    });
  });

  it("does not release a lock that another process took over", async () => {
    const path = files.path("taken-over");
    const lock = await acquireLock(path);
    expect(await lock.isHeld()).toBe(true);
    const another = JSON.stringify({ ...createLockOwner(), host: "elsewhere" });
    await writeFile(path, another);
    expect(await lock.isHeld()).toBe(false);
    await lock.release();
    expect(await readFile(path, "utf8")).toBe(another);
  });

  it("reports a deleted lock as not held, and releases it without an error", async () => {
    const lock = await acquireLock(files.path("kept"));
    await lock.release();
    expect(await lock.isHeld()).toBe(false);
    await lock.release();
  });
});
