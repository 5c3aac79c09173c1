import { existsSync } from "node:fs";
import { open, readdir, readlink } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { readSeeds } from "../../../../src/dataset/seeds/read-seeds.js";
import { temporaryFiles } from "../../../support/temporary-files.js";

const files = temporaryFiles();
const count = 50_000;
const readAhead = 1024 * 1024;

/** Rows of equal length in bytes, so that they can be written over in place; their text says how many times they were. */
function rowText(index: number, edition: number): string {
  return JSON.stringify({ instruction: `${index} ${edition} `.padEnd(180, "語?!"), output: "ignored" });
}

function contentOf(kind: string, edition: number, length = count): Buffer {
  const rows = Array.from({ length }, (_, index) => rowText(index, edition));
  return Buffer.from(kind === "json" ? `[${rows.join(",")}]` : `${rows.join("\n")}\n`);
}

/** Whether this process holds the file open; only Linux tells. */
async function isOpen(file: string): Promise<boolean> {
  const handles = await readdir("/proc/self/fd");
  const targets = await Promise.all(handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => "")));
  return targets.includes(file);
}

describe.each(["jsonl", "json"])("a big file in %s", (kind) => {
  it("is read while it is used: a consumer that pauses has at most 1 MiB read ahead of it", async () => {
    const content = contentOf(kind, 0);
    const file = await files.write(content, kind);
    const rowBytes = content.length / count;
    const half = count / 2;
    const editionAfter = new Map([
      [0, 1],
      [half, 2],
    ]);
    const seen: { index: number; row: number; number: number; edition: number }[] = [];
    const handle = await open(file, "r+");
    try {
      for await (const { index, row, seed } of readSeeds(file)) {
        const [number, edition] = (seed.instruction ?? "").split(" ", 2).map(Number);
        seen.push({ index, row, number: number ?? NaN, edition: edition ?? NaN });
        const next = editionAfter.get(index);
        if (next === undefined) continue;
        // While the consumer pauses, everything from 1 MiB on is replaced. Whoever had read it would go on with the old rows.
        const from = Math.ceil(index * rowBytes) + readAhead;
        await handle.write(contentOf(kind, next).subarray(from), 0, null, from);
      }
    } finally {
      await handle.close();
    }
    expect(seen.map(({ index, row, number }) => [index, row, number])).toEqual(
      Array.from({ length: count }, (_, index) => [index, index + 1, index]),
    );
    const rowsAhead = Math.ceil(readAhead / rowBytes) + 1;
    const editions = (from: number, to: number) => new Set(seen.slice(from, to).map(({ edition }) => edition));
    expect(editions(0, 1)).toEqual(new Set([0]));
    expect(editions(rowsAhead, half)).toEqual(new Set([1]));
    expect(editions(half + rowsAhead, count)).toEqual(new Set([2]));
  });

  describe.runIf(existsSync("/proc/self/fd"))("is closed", () => {
    it("when the consumer stops early", async () => {
      const file = await files.write(contentOf(kind, 0, 2000), kind);
      const reading = readSeeds(file);
      await reading.next();
      expect(await isOpen(file)).toBe(true);
      await reading.return(undefined);
      expect(await isOpen(file)).toBe(false);
      expect(await reading.next()).toEqual({ done: true, value: undefined });
    });

    it("when the consumer throws", async () => {
      const file = await files.write(contentOf(kind, 0, 2000), kind);
      const consume = async () => {
        for await (const { index } of readSeeds(file)) if (index === 1000) throw new Error("consumer");
      };
      await expect(consume()).rejects.toThrow("consumer");
      expect(await isOpen(file)).toBe(false);
    });

    it("at the limit, at the end, and at an error", async () => {
      const file = await files.write(contentOf(kind, 0, 2000), kind);
      for await (const _ of readSeeds(file, { limit: 3 }));
      expect(await isOpen(file)).toBe(false);
      const faulty = await files.write('[{"instruction":"A"},{}]');
      await expect(
        (async () => {
          for await (const _ of readSeeds(faulty));
        })(),
      ).rejects.toThrow("row 2");
      expect(await isOpen(faulty)).toBe(false);
      const short = await files.write('{"instruction":"A"}');
      for await (const _ of readSeeds(short));
      expect(await isOpen(short)).toBe(false);
    });
  });
});
