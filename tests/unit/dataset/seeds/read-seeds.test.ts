import { describe, expect, it } from "vitest";

import { readAllSeeds } from "../../../support/read-all-seeds.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();

describe("readSeeds", () => {
  it("readSeeds drops the empty input of Alpaca rows and keeps further fields as JSON text", async () => {
    const file = await files.write(
      JSON.stringify([
        { instruction: "Name a prime.", input: "", output: "7" },
        { instruction: " Sort:\n", input: "  3, 1, 2", system: "Be brief.", id: 5 },
      ]),
      "json",
    );
    const { rows, error } = await readAllSeeds(file);
    expect(error).toBeUndefined();
    expect(rows).toEqual([
      { index: 0, row: 1, seed: { instruction: "Name a prime.", extra: '{"output":"7"}' } },
      { index: 1, row: 2, seed: { instruction: " Sort:\n", input: "  3, 1, 2", system: "Be brief.", extra: '{"id":5}' } },
    ]);
    expect(rows[0]?.seed).not.toHaveProperty("input");
  });

  it("readSeeds treats null, and a blank input or system, as absent", async () => {
    const messages = [{ role: "user", content: "Hi" }];
    const file = await files.write(
      `${JSON.stringify({ instruction: "A", input: null, system: " \n", messages: null })}\n${JSON.stringify({ instruction: null, input: "", messages })}`,
    );
    const { seeds, error } = await readAllSeeds(file);
    expect(error).toBeUndefined();
    expect(seeds).toStrictEqual([{ instruction: "A" }, { messages }]);
  });

  it("readSeeds reads conversations to continue, with an optional system prompt", async () => {
    const messages = [
      { role: "user", content: "Hi", name: "Ann" },
      { role: "assistant", content: "Hello" },
      { role: "user", content: "And now?" },
    ];
    const { seeds } = await readAllSeeds(await files.write(JSON.stringify({ messages, system: "Be kind." })));
    expect(seeds).toEqual([{ messages: messages.map(({ role, content }) => ({ role, content })), system: "Be kind." }]);
  });

  it("readSeeds detects the format from the content, not from the file name", async () => {
    const array = await files.write('\n\t [{"instruction":"A"}]', "jsonl");
    const lines = await files.write('\r\n {"instruction":"A"}', "json");
    expect((await readAllSeeds(array)).rows).toEqual([{ index: 0, row: 1, seed: { instruction: "A" } }]);
    expect((await readAllSeeds(lines)).rows).toEqual([{ index: 0, row: 2, seed: { instruction: "A" } }]);
  });

  it("readSeeds numbers JSONL rows by line and skips blank lines", async () => {
    const { rows } = await readAllSeeds(await files.write('{"instruction":"A"}\r\n\r\n  \n{"instruction":"B"}\n\n\n'));
    expect(rows.map(({ index, row }) => [index, row])).toEqual([
      [0, 1],
      [1, 4],
    ]);
  });

  it("readSeeds does not split lines at U+2028 or U+2029 inside a string", async () => {
    const seed = { instruction: "one\u2028two\u2029three" };
    expect((await readAllSeeds(await files.write(JSON.stringify(seed)))).seeds).toEqual([seed]);
  });

  it.each(["[]", " [ ] "])("readSeeds reads a row with fields named like object internals (after the empty list %j)", async (emptyList) => {
    const row = `{"__proto__":{"input":"x"},"constructor":1,"nested":${emptyList},"instruction":"A"}`;
    const extra = '{"__proto__":{"input":"x"},"constructor":1,"nested":[]}';
    for (const text of [row, `[${row}]`]) expect((await readAllSeeds(await files.write(text))).seeds).toStrictEqual([{ instruction: "A", extra }]);
  });

  describe.each(["jsonl", "json"])("options for a %s file", (kind) => {
    const writeRows = (rows: readonly unknown[]) =>
      files.write(kind === "json" ? JSON.stringify(rows) : rows.map((row) => JSON.stringify(row)).join("\n"), kind);
    const rows = [{ instruction: "A" }, { instruction: "" }, { instruction: "B" }, { instruction: "C" }, { instruction: 7 }];

    it("readSeeds counts only valid seeds towards the limit and keeps their positions", async () => {
      const { rows: read, skipped } = await readAllSeeds(await writeRows(rows), { limit: 2, skipInvalid: true });
      expect(read).toEqual([
        { index: 0, row: 1, seed: { instruction: "A" } },
        { index: 2, row: 3, seed: { instruction: "B" } },
      ]);
      expect(skipped.map(({ details }) => details.row)).toEqual([2]);
    });

    it("readSeeds does not read beyond the limit", async () => {
      const { seeds, error } = await readAllSeeds(await writeRows(rows), { limit: 1 });
      expect(error).toBeUndefined();
      expect(seeds).toEqual([{ instruction: "A" }]);
    });

    it("readSeeds yields nothing with a limit of zero", async () => {
      expect(await readAllSeeds(await writeRows(rows), { limit: 0 })).toMatchObject({ seeds: [], skipped: [], error: undefined });
    });

    it("readSeeds with skipInvalid reports every invalid row to onInvalid and continues", async () => {
      const { seeds, skipped, error } = await readAllSeeds(await writeRows(rows), { skipInvalid: true });
      expect(error).toBeUndefined();
      expect(seeds.map(({ instruction }) => instruction)).toEqual(["A", "B", "C"]);
      expect(skipped.map(({ details }) => [details.row, details.field])).toEqual([
        [2, "instruction"],
        [5, "instruction"],
      ]);
    });

    it("readSeeds without skipInvalid throws at the first invalid row", async () => {
      const { seeds, skipped, error } = await readAllSeeds(await writeRows(rows));
      expect(seeds).toHaveLength(1);
      expect(skipped).toEqual([]);
      expect(error?.details).toMatchObject({ row: 2, field: "instruction" });
    });
  });
});
