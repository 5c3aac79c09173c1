import { chmod, mkdir, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { readAllSeeds } from "../../../support/read-all-seeds.js";
import { temporaryFiles } from "../../../support/temporary-files.js";

const files = temporaryFiles();
const good = '{"instruction":"A"}';

describe("a file that cannot be read", () => {
  it("is missing", async () => {
    const file = files.path("nowhere.jsonl");
    const { error } = await readAllSeeds(file);
    expect(error).toMatchObject({ code: "invalid_input", details: { file }, message: expect.stringContaining(`${file} does not exist. Check the path.`) });
  });

  it("is a directory", async () => {
    const folder = files.path("folder");
    await mkdir(folder);
    expect((await readAllSeeds(folder)).error?.message).toBe(`${folder} is a directory. Name the file with the seeds in it.`);
  });

  it("leads nowhere", async () => {
    const file = files.path("loop.jsonl");
    await symlink(file, file);
    expect((await readAllSeeds(file)).error?.message).toContain(`${file} cannot be read (ELOOP)`);
  });

  it.runIf(existsSync("/dev/null"))("is a device", async () => {
    expect((await readAllSeeds("/dev/null")).error?.message).toContain("/dev/null is not a regular file");
  });

  it.runIf(existsSync("/proc/self/mem"))("fails while it is read", async () => {
    expect((await readAllSeeds("/proc/self/mem")).error?.message).toContain("/proc/self/mem cannot be read (EIO)");
  });

  it.skipIf(process.getuid === undefined || process.getuid() === 0)("may not be read", async () => {
    const file = await files.write(good);
    await chmod(file, 0);
    expect((await readAllSeeds(file)).error?.message).toContain("may not be read. Check its permissions.");
  });
});

describe("a file that is not of seeds", () => {
  it.each([
    ["nothing", "", "has no rows. Expected JSONL"],
    ["white space", " \r\n\t\n", "has no rows. Expected JSONL"],
    ["more white space than one block", "\n".repeat(200_000), "has no rows. Expected JSONL"],
    ["a byte order mark alone", "\uFEFF", "has no rows. Expected JSONL"],
    ["an empty array", "[ ]\n", "has no rows: its array is empty"],
    ["CSV", "instruction,input\nA,B\n", 'starts with "instruction,input A,". Expected JSONL'],
    ["a JSON string", '"A"', "Expected JSONL"],
    [
      "a pretty-printed object",
      JSON.stringify({ instruction: "A", input: "B" }, null, 2),
      "holds a JSON object spread over several lines. Expected JSONL",
    ],
    ["a pretty-printed object that wraps the rows", JSON.stringify({ data: [{ instruction: "A" }] }, null, 2), "save the list inside it alone"],
    [
      "pretty-printed objects in a row",
      `${JSON.stringify({ instruction: "A" }, null, 2)}\n`.repeat(2).replaceAll("\n", "\r\n"),
      "spread over several lines",
    ],
  ])("holds %s", async (_, content, words) => {
    const file = await files.write(content);
    const { seeds, error, skipped } = await readAllSeeds(file, { skipInvalid: true });
    expect(seeds).toEqual([]);
    expect(skipped).toEqual([]);
    expect(error).toMatchObject({ code: "invalid_input", details: { file }, message: expect.stringContaining(words) });
    expect(error?.message).toContain(file);
  });

  it.each([
    ["UTF-16", Buffer.from(`\uFEFF${good}`, "utf16le"), "is UTF-16, not UTF-8. Save it as UTF-8."],
    ["UTF-16, the other way round", Buffer.from(`\uFEFF${good}`, "utf16le").swap16(), "is UTF-16, not UTF-8. Save it as UTF-8."],
    ["gzip", Buffer.of(0x1f, 0x8b, 8, 0), "is compressed with gzip. Unpack it first."],
  ])("is in %s", async (_, content, words) => {
    expect((await readAllSeeds(await files.write(content))).error?.message).toContain(words);
  });

  it("says which list wraps the rows of a compact object", async () => {
    const { error } = await readAllSeeds(await files.write(JSON.stringify({ version: 1, data: [{ instruction: "A" }] })));
    expect(error?.message).toContain('The row has: version, data. Every row needs an "instruction"');
    expect(error?.message).toContain('If the rows stand under "data", save that list alone.');
  });
});

const user = { role: "user", content: "Hi" };

describe.each([
  ["jsonl", "line", (row: string) => `${good}\n${row}\n${good}\n`],
  ["json", "row", (row: string) => `[${good},\n${row},${good}]`],
])("a faulty row in %s", (kind, unit, around) => {
  it.each([
    [{ question_id: 81, turns: ["A"] }, "instruction", "is missing. The row has: question_id, turns. Every row needs"],
    [{}, "instruction", "is missing. The row has no fields at all."],
    [{ instruction: null }, "instruction", "is missing"],
    [{ instruction: " \n" }, "instruction", "is empty"],
    [{ instruction: 7 }, "instruction", "is a number where a string is expected"],
    [{ instruction: ["A"] }, "instruction", "is a list where a string is expected"],
    [{ instruction: "half \ud83d" }, "instruction", "holds half of a character"],
    [{ instruction: "A", input: {} }, "input", "is an object where a string is expected"],
    [{ instruction: "A", system: false }, "system", "is a boolean where a string is expected"],
    [{ instruction: "A", messages: [user] }, "instruction", "cannot stand beside `messages`"],
    [{ input: "A", messages: [user] }, "input", "belongs to an instruction and cannot stand beside `messages`"],
    [{ system: "B", messages: [{ role: "system", content: "A" }, user] }, "system", "differs from the system message"],
    [{ messages: "Hi" }, "messages", "is a string where a list of messages is expected"],
    [{ messages: [] }, "messages", "must end with a message of the user"],
    [{ messages: [user, { role: "assistant", content: "A" }] }, "messages", "must end with a message of the user"],
    [{ messages: [user, "Hi"] }, "messages[1]", "is a string where an object with `role` and `content` is expected"],
    [{ messages: [{ role: "human", content: "A" }] }, "messages[0].role", 'must be "system", "user" or "assistant"'],
    [{ messages: [{ content: "A" }] }, "messages[0].role", 'must be "system", "user" or "assistant"'],
    [{ messages: [{ role: "user" }] }, "messages[0].content", "is missing"],
    [{ messages: [{ role: "user", content: "" }] }, "messages[0].content", "is empty"],
    [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content", "is a list where a string is expected"],
  ])("%j: %s %s", async (value, field, words) => {
    const file = await files.write(around(JSON.stringify(value)), kind);
    const strict = await readAllSeeds(file);
    expect(strict.error).toMatchObject({ code: "invalid_input", details: { file, row: 2, field } });
    expect(strict.error?.message).toContain(`${file}, ${unit} 2: the field "${field}" ${words}`);
    const lenient = await readAllSeeds(file, { skipInvalid: true });
    expect(lenient.error).toBeUndefined();
    expect(lenient.rows.map(({ index, row }) => [index, row])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(lenient.skipped.map(({ message }) => message)).toEqual([strict.error?.message]);
  });

  it.each([
    ["7", "a number"],
    ["null", "null"],
    ["true", "a boolean"],
    ['"A"', "a string"],
    ['[{"instruction":"A"}]', "a list"],
  ])("%s is no object", async (value, name) => {
    const file = await files.write(around(value), kind);
    const { error, skipped, seeds } = await readAllSeeds(file, { skipInvalid: true });
    expect(error).toBeUndefined();
    expect(seeds).toHaveLength(2);
    expect(skipped.map(({ message }) => message)).toEqual([
      `${file}, ${unit} 2: the row is ${name} where an object is expected. Make every row an object such as {"instruction": "..."}.`,
    ]);
  });

  it("names fields without their control characters", async () => {
    const { error } = await readAllSeeds(await files.write(around('{"a\\u001b[31m\\u202eb":1}'), kind));
    expect(error?.message).toContain("The row has: a [31m b.");
  });
});

describe("broken JSONL", () => {
  it.each([
    ["is cut off", '{"instruction":"B"', "not valid JSON"],
    ["is two objects", `${good}${good}`, "not valid JSON"],
    ["is an object with a raw tab in a string", '{"instruction":"B\tC"}', "not valid JSON"],
    ["is not UTF-8", Buffer.from('{"instruction":"\xfc"}', "latin1"), "not valid UTF-8. Save the file as UTF-8."],
    ["is too long", `{"instruction":"${"x".repeat(9 * 1024 * 1024)}"}`, "longer than 8 MiB. Expected one object on each line."],
  ])("where a line %s", async (_, line, words) => {
    const file = await files.write(Buffer.concat([`${good}\n`, line, `\n${good}`].map((part) => Buffer.from(part))));
    const { rows, skipped, error } = await readAllSeeds(file, { skipInvalid: true });
    expect(error).toBeUndefined();
    expect(rows.map(({ index, row }) => [index, row])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(skipped).toMatchObject([{ details: { file, row: 2 }, message: expect.stringContaining(`${file}, line 2: the line is ${words}`) }]);
    expect((await readAllSeeds(file)).error?.message).toBe(skipped[0]?.message);
  });

  it("from the first line on is still JSONL", async () => {
    const { seeds, skipped, error } = await readAllSeeds(await files.write(`{"instruction":"cut off,\n${good}`), { skipInvalid: true });
    expect(error).toBeUndefined();
    expect(seeds).toEqual([{ instruction: "A" }]);
    expect(skipped).toHaveLength(1);
  });
});

describe("a broken array", () => {
  it.each([
    ["a missing comma", `[${good}\n ${good}]`, 2, "line 2, column 2 (expected ',')"],
    ["a word that is no value", `[${good},\n${good},\n  nope]`, 3, "line 3, column 3 (expected a value)"],
    ["a comma at the end", `[${good},\n]`, 2, "line 2, column 1 (unexpected token ']')"],
    [
      "a raw line break in a string",
      `[${good},{"instruction":"B\nC and more"}]`,
      2,
      "line 1, column 39 (a raw control character or a wrong escape in a string)",
    ],
    ["something after it", `[${good}]\n${good}`, 2, "line 2, column 1 (unexpected characters)"],
    ["its end missing", `[${good},\n${good}\n`, 3, "the file ends before the array is closed."],
    ["the end of a row missing", `[${good},\n{"instruction":"B`, 2, "the file ends before the array is closed."],
    ["bytes that are not UTF-8", Buffer.from(`[${good},{"instruction":"\xfc"}]`, "latin1"), 2, "the text is not valid UTF-8 from here on."],
    ["a character cut off at its end", Buffer.from(`[${good},{"instruction":"ü`).subarray(0, -1), 2, "the text is not valid UTF-8 from here on."],
  ])("with %s", async (_, content, row, words) => {
    const file = await files.write(content, "json");
    const { rows, skipped, error } = await readAllSeeds(file, { skipInvalid: true });
    expect(rows.map((read) => read.row)).toEqual(Array.from({ length: row - 1 }, (_row, index) => index + 1));
    expect(skipped).toEqual([]);
    expect(error).toMatchObject({ code: "invalid_input", details: { file, row } });
    expect(error?.message).toContain(`${file}, row ${row}: `);
    expect(error?.message).toContain(words);
    expect(error?.message).toContain("the rows after this place cannot be found");
  });

  it("with a row that is too long", async () => {
    const file = await files.write(`[${good},{"instruction":"${"x".repeat(9 * 1024 * 1024)}"}]`, "json");
    const { seeds, error } = await readAllSeeds(file, { skipInvalid: true });
    expect(seeds).toHaveLength(1);
    expect(error?.message).toContain(`${file}, row 2: the row is longer than 8 MiB.`);
  });

  it("with a row that is nested too deep", async () => {
    const deep = (levels: number) => `[${good},${"[".repeat(levels)}${"]".repeat(levels)},${good}]`;
    const { seeds, error } = await readAllSeeds(await files.write(deep(5_000), "json"), { skipInvalid: true });
    expect(seeds).toHaveLength(1);
    expect(error?.message).toContain("row 2: the row is nested more than 1000 levels deep.");
    expect(await readAllSeeds(await files.write(deep(900), "json"), { skipInvalid: true })).toMatchObject({ seeds: [{}, {}], error: undefined });
  });

  it("gives all rows before the fault, however far into the file it is", async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => JSON.stringify({ instruction: `Question ${index}: ${"why? ".repeat(index % 40)}` }));
    const file = await files.write(`[${rows.join(",\n")},\n{"instruction" "x"}]`, "json");
    const { seeds, error } = await readAllSeeds(file);
    expect(seeds).toHaveLength(5_000);
    expect(error?.message).toContain("row 5001: the JSON array is broken at line 5001, column 16 (expected ':')");
  });
});
