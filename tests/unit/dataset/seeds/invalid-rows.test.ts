import { chmod, mkdir, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { readAllSeeds } from "../../../support/read-all-seeds.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();
const validLine = '{"instruction":"A"}';

describe("unreadable seed files", () => {
  it("readSeeds throws for a missing file", async () => {
    const file = files.path("missing.jsonl");
    const { error } = await readAllSeeds(file);
    expect(error).toMatchObject({ code: "invalid_input", details: { file }, message: expect.stringContaining(`${file} does not exist. Check the path.`) });
  });

  it("readSeeds throws for a directory", async () => {
    const folder = files.path("folder");
    await mkdir(folder);
    expect((await readAllSeeds(folder)).error?.message).toBe(`${folder} is a directory. Give the path of the seed file.`);
  });

  it("readSeeds throws for a symbolic link to itself", async () => {
    const file = files.path("loop.jsonl");
    await symlink(file, file);
    expect((await readAllSeeds(file)).error?.message).toContain(`${file} cannot be read (ELOOP)`);
  });

  it.runIf(existsSync("/dev/null"))("readSeeds throws for a device", async () => {
    expect((await readAllSeeds("/dev/null")).error?.message).toContain("/dev/null is not a regular file");
  });

  it.runIf(existsSync("/proc/self/mem"))("readSeeds throws an InputError when reading fails", async () => {
    expect((await readAllSeeds("/proc/self/mem")).error?.message).toContain("/proc/self/mem cannot be read (EIO)");
  });

  it.skipIf(process.getuid === undefined || process.getuid() === 0)("readSeeds throws for a file without read permission", async () => {
    const file = await files.write(validLine);
    await chmod(file, 0);
    expect((await readAllSeeds(file)).error?.message).toContain("cannot be read: permission denied. Check its permissions.");
  });
});

describe("files in other formats", () => {
  it.each([
    ["no bytes", "", "has no rows. Expected JSONL"],
    ["white space", " \r\n\t\n", "has no rows. Expected JSONL"],
    ["more white space than fits into one chunk", "\n".repeat(200_000), "has no rows. Expected JSONL"],
    ["only a byte order mark", "\uFEFF", "has no rows. Expected JSONL"],
    ["an empty array", "[ ]\n", "has no rows: its array is empty"],
    ["CSV", "instruction,input\nA,B\n", 'starts with "instruction,input A,". Expected JSONL'],
    ["a JSON string", '"A"', "Expected JSONL"],
    [
      "a pretty-printed object",
      JSON.stringify({ instruction: "A", input: "B" }, null, 2),
      "contains a JSON object that spans several lines. Expected JSONL",
    ],
    ["a pretty-printed object that wraps the rows", JSON.stringify({ data: [{ instruction: "A" }] }, null, 2), "save only the list inside it"],
    [
      "pretty-printed objects in a row",
      `${JSON.stringify({ instruction: "A" }, null, 2)}\n`.repeat(2).replaceAll("\n", "\r\n"),
      "spans several lines",
    ],
  ])("readSeeds throws for a file that contains %s", async (_, content, message) => {
    const file = await files.write(content);
    const { seeds, error, skipped } = await readAllSeeds(file, { skipInvalid: true });
    expect(seeds).toEqual([]);
    expect(skipped).toEqual([]);
    expect(error).toMatchObject({ code: "invalid_input", details: { file }, message: expect.stringContaining(message) });
    expect(error?.message).toContain(file);
  });

  it.each([
    ["little-endian UTF-16", Buffer.from(`\uFEFF${validLine}`, "utf16le"), "is UTF-16, not UTF-8. Save it as UTF-8."],
    ["big-endian UTF-16", Buffer.from(`\uFEFF${validLine}`, "utf16le").swap16(), "is UTF-16, not UTF-8. Save it as UTF-8."],
    ["gzip", Buffer.of(0x1f, 0x8b, 8, 0), "is compressed with gzip. Unpack it first."],
  ])("readSeeds throws for a file in %s", async (_, content, message) => {
    expect((await readAllSeeds(await files.write(content))).error?.message).toContain(message);
  });

  it("readSeeds names the list that contains the rows of a compact object", async () => {
    const { error } = await readAllSeeds(await files.write(JSON.stringify({ version: 1, data: [{ instruction: "A" }] })));
    expect(error?.message).toContain('The row has: version, data. Every row needs an "instruction"');
    expect(error?.message).toContain('If the rows are in "data", save only that list.');
  });
});

const user = { role: "user", content: "Hi" };

describe.each([
  ["jsonl", "line", (row: string) => `${validLine}\n${row}\n${validLine}\n`],
  ["json", "row", (row: string) => `[${validLine},\n${row},${validLine}]`],
])("invalid rows in %s", (kind, unit, insertRow) => {
  it.each([
    [{ question_id: 81, turns: ["A"] }, "instruction", "is missing. The row has: question_id, turns. Every row needs"],
    [{}, "instruction", "is missing. The row has no fields at all."],
    [{ instruction: null }, "instruction", "is missing"],
    [{ instruction: " \n" }, "instruction", "is empty"],
    [{ instruction: 7 }, "instruction", "is a number where a string is expected"],
    [{ instruction: ["A"] }, "instruction", "is a list where a string is expected"],
    [{ instruction: "half \ud83d" }, "instruction", "contains half of a character"],
    [{ instruction: "A", input: {} }, "input", "is an object where a string is expected"],
    [{ instruction: "A", system: false }, "system", "is a boolean where a string is expected"],
    [{ instruction: "A", messages: [user] }, "instruction", "cannot be combined with `messages`"],
    [{ input: "A", messages: [user] }, "input", "belongs to an instruction and cannot be combined with `messages`"],
    [{ system: "B", messages: [{ role: "system", content: "A" }, user] }, "system", "differs from the system message"],
    [{ messages: "Hi" }, "messages", "is a string where a list of messages is expected"],
    [{ messages: [] }, "messages", "must end with a user message"],
    [{ messages: [user, { role: "assistant", content: "A" }] }, "messages", "must end with a user message"],
    [{ messages: [user, "Hi"] }, "messages[1]", "is a string where an object with `role` and `content` is expected"],
    [{ messages: [{ role: "human", content: "A" }] }, "messages[0].role", 'must be "system", "user" or "assistant"'],
    [{ messages: [{ content: "A" }] }, "messages[0].role", 'must be "system", "user" or "assistant"'],
    [{ messages: [{ role: "user" }] }, "messages[0].content", "is missing"],
    [{ messages: [{ role: "user", content: "" }] }, "messages[0].content", "is empty"],
    [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content", "is a list where a string is expected"],
  ])("readSeeds rejects the row %j: the field %s %s", async (value, field, message) => {
    const file = await files.write(insertRow(JSON.stringify(value)), kind);
    const strict = await readAllSeeds(file);
    expect(strict.error).toMatchObject({ code: "invalid_input", details: { file, row: 2, field } });
    expect(strict.error?.message).toContain(`${file}, ${unit} 2: the field "${field}" ${message}`);
    const lenient = await readAllSeeds(file, { skipInvalid: true });
    expect(lenient.error).toBeUndefined();
    expect(lenient.rows.map(({ index, row }) => [index, row])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(lenient.skipped.map((error) => error.message)).toEqual([strict.error?.message]);
  });

  it.each([
    ["7", "a number"],
    ["null", "null"],
    ["true", "a boolean"],
    ['"A"', "a string"],
    ['[{"instruction":"A"}]', "a list"],
  ])("readSeeds rejects the row %s, which is not an object", async (value, type) => {
    const file = await files.write(insertRow(value), kind);
    const { error, skipped, seeds } = await readAllSeeds(file, { skipInvalid: true });
    expect(error).toBeUndefined();
    expect(seeds).toHaveLength(2);
    expect(skipped.map((skippedError) => skippedError.message)).toEqual([
      `${file}, ${unit} 2: the row is ${type} where an object is expected. Make every row an object such as {"instruction": "..."}.`,
    ]);
  });

  it("readSeeds removes control characters from field names in messages", async () => {
    const { error } = await readAllSeeds(await files.write(insertRow('{"a\\u001b[31m\\u202eb":1}'), kind));
    expect(error?.message).toContain("The row has: a [31m b.");
  });
});

describe("invalid JSONL", () => {
  it.each([
    ["is truncated", '{"instruction":"B"', "not valid JSON"],
    ["contains two objects", `${validLine}${validLine}`, "not valid JSON"],
    ["contains a raw tab in a string", '{"instruction":"B\tC"}', "not valid JSON"],
    ["is not UTF-8", Buffer.from('{"instruction":"\xfc"}', "latin1"), "not valid UTF-8. Save the file as UTF-8."],
    ["is too long", `{"instruction":"${"x".repeat(9 * 1024 * 1024)}"}`, "longer than 8 MiB. Expected one object on each line."],
  ])("readSeeds skips or rejects a JSONL line that %s", async (_, line, message) => {
    const file = await files.write(Buffer.concat([`${validLine}\n`, line, `\n${validLine}`].map((part) => Buffer.from(part))));
    const { rows, skipped, error } = await readAllSeeds(file, { skipInvalid: true });
    expect(error).toBeUndefined();
    expect(rows.map(({ index, row }) => [index, row])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(skipped).toMatchObject([{ details: { file, row: 2 }, message: expect.stringContaining(`${file}, line 2: the line is ${message}`) }]);
    expect((await readAllSeeds(file)).error?.message).toBe(skipped[0]?.message);
  });

  it("readSeeds detects JSONL when the first line is invalid", async () => {
    const { seeds, skipped, error } = await readAllSeeds(await files.write(`{"instruction":"cut off,\n${validLine}`), { skipInvalid: true });
    expect(error).toBeUndefined();
    expect(seeds).toEqual([{ instruction: "A" }]);
    expect(skipped).toHaveLength(1);
  });
});

describe("invalid arrays", () => {
  it.each([
    ["a missing comma", `[${validLine}\n ${validLine}]`, 2, "line 2, column 2 (expected ',')"],
    ["an invalid value", `[${validLine},\n${validLine},\n  nope]`, 3, "line 3, column 3 (expected a value)"],
    ["a trailing comma", `[${validLine},\n]`, 2, "line 2, column 1 (unexpected token ']')"],
    [
      "a raw line break in a string",
      `[${validLine},{"instruction":"B\nC and more"}]`,
      2,
      "line 1, column 39 (a raw control character or an invalid escape in a string)",
    ],
    ["text after the array", `[${validLine}]\n${validLine}`, 2, "line 2, column 1 (unexpected characters)"],
    ["a missing bracket at the end", `[${validLine},\n${validLine}\n`, 3, "the file ends before the array is closed."],
    ["an incomplete last row", `[${validLine},\n{"instruction":"B`, 2, "the file ends before the array is closed."],
    ["invalid UTF-8", Buffer.from(`[${validLine},{"instruction":"\xfc"}]`, "latin1"), 2, "the text is not valid UTF-8 from here on."],
    ["an incomplete character at the end", Buffer.from(`[${validLine},{"instruction":"ü`).subarray(0, -1), 2, "the text is not valid UTF-8 from here on."],
  ])("readSeeds throws for an array with %s, after all rows before it", async (_, content, row, message) => {
    const file = await files.write(content, "json");
    const { rows, skipped, error } = await readAllSeeds(file, { skipInvalid: true });
    expect(rows.map((read) => read.row)).toEqual(Array.from({ length: row - 1 }, (_row, index) => index + 1));
    expect(skipped).toEqual([]);
    expect(error).toMatchObject({ code: "invalid_input", details: { file, row } });
    expect(error?.message).toContain(`${file}, row ${row}: `);
    expect(error?.message).toContain(message);
    expect(error?.message).toContain("the rows after this place cannot be found");
  });

  it("readSeeds throws for an array with a row that is too long", async () => {
    const file = await files.write(`[${validLine},{"instruction":"${"x".repeat(9 * 1024 * 1024)}"}]`, "json");
    const { seeds, error } = await readAllSeeds(file, { skipInvalid: true });
    expect(seeds).toHaveLength(1);
    expect(error?.message).toContain(`${file}, row 2: the row is longer than 8 MiB.`);
  });

  it("readSeeds throws for an array with a row that is nested too deeply", async () => {
    const createNestedRows = (levels: number) => `[${validLine},${"[".repeat(levels)}${"]".repeat(levels)},${validLine}]`;
    const { seeds, error } = await readAllSeeds(await files.write(createNestedRows(5_000), "json"), { skipInvalid: true });
    expect(seeds).toHaveLength(1);
    expect(error?.message).toContain("row 2: the row is nested more than 1000 levels deep.");
    expect(await readAllSeeds(await files.write(createNestedRows(900), "json"), { skipInvalid: true })).toMatchObject({ seeds: [{}, {}], error: undefined });
  });

  it("readSeeds yields all rows before an error deep in the file", async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => JSON.stringify({ instruction: `Question ${index}: ${"why? ".repeat(index % 40)}` }));
    const file = await files.write(`[${rows.join(",\n")},\n{"instruction" "x"}]`, "json");
    const { seeds, error } = await readAllSeeds(file);
    expect(seeds).toHaveLength(5_000);
    expect(error?.message).toContain("row 5001: the JSON array is invalid at line 5001, column 16 (expected ':')");
  });
});
