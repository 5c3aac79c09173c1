import { existsSync } from "node:fs";
import { open, readdir, readlink } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { readSeeds } from "../../../../src/dataset/seeds/read-seeds.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();
const rowCount = 50_000;
const maxReadAheadBytes = 1024 * 1024;

/** Formats a row with its edition. All rows have the same length in bytes, so that they can be overwritten in place. */
function formatRow(index: number, edition: number): string {
  return JSON.stringify({ instruction: `${index} ${edition} `.padEnd(180, "語?!"), output: "ignored" });
}

function createContent(kind: string, edition: number, length = rowCount): Buffer {
  const rows = Array.from({ length }, (_, index) => formatRow(index, edition));
  return Buffer.from(kind === "json" ? `[${rows.join(",")}]` : `${rows.join("\n")}\n`);
}

/** Returns true if this process has the file open. Works on Linux only. */
async function isOpen(file: string): Promise<boolean> {
  const handles = await readdir("/proc/self/fd");
  const targets = await Promise.all(handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => "")));
  return targets.includes(file);
}

describe.each(["jsonl", "json"])("a large %s file", (kind) => {
  it("readSeeds reads at most 1 MiB ahead of a consumer that pauses", async () => {
    const content = createContent(kind, 0);
    const file = await files.write(content, kind);
    const rowBytes = content.length / rowCount;
    const half = rowCount / 2;
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
        // While the consumer pauses, everything from 1 MiB on is replaced. A reader further ahead would continue with the old rows.
        const from = Math.ceil(index * rowBytes) + maxReadAheadBytes;
        await handle.write(createContent(kind, next).subarray(from), 0, null, from);
      }
    } finally {
      await handle.close();
    }
    expect(seen.map(({ index, row, number }) => [index, row, number])).toEqual(
      Array.from({ length: rowCount }, (_, index) => [index, index + 1, index]),
    );
    const rowsAhead = Math.ceil(maxReadAheadBytes / rowBytes) + 1;
    const getEditions = (from: number, to: number) => new Set(seen.slice(from, to).map(({ edition }) => edition));
    expect(getEditions(0, 1)).toEqual(new Set([0]));
    expect(getEditions(rowsAhead, half)).toEqual(new Set([1]));
    expect(getEditions(half + rowsAhead, rowCount)).toEqual(new Set([2]));
  });

  describe.runIf(existsSync("/proc/self/fd"))("file handle", () => {
    it("readSeeds closes the file when the consumer stops early", async () => {
      const file = await files.write(createContent(kind, 0, 2000), kind);
      const seeds = readSeeds(file);
      await seeds.next();
      expect(await isOpen(file)).toBe(true);
      await seeds.return(undefined);
      expect(await isOpen(file)).toBe(false);
      expect(await seeds.next()).toEqual({ done: true, value: undefined });
    });

    it("readSeeds closes the file when the consumer throws", async () => {
      const file = await files.write(createContent(kind, 0, 2000), kind);
      const consume = async () => {
        for await (const { index } of readSeeds(file)) if (index === 1000) throw new Error("consumer");
      };
      await expect(consume()).rejects.toThrow("consumer");
      expect(await isOpen(file)).toBe(false);
    });

    it("readSeeds closes the file at the limit, at the end and after an error", async () => {
      const file = await files.write(createContent(kind, 0, 2000), kind);
      for await (const _ of readSeeds(file, { limit: 3 }));
      expect(await isOpen(file)).toBe(false);
      const invalidFile = await files.write('[{"instruction":"A"},{}]');
      await expect(
        (async () => {
          for await (const _ of readSeeds(invalidFile));
        })(),
      ).rejects.toThrow("row 2");
      expect(await isOpen(invalidFile)).toBe(false);
      const shortFile = await files.write('{"instruction":"A"}');
      for await (const _ of readSeeds(shortFile));
      expect(await isOpen(shortFile)).toBe(false);
    });
  });
});
