import { readFile } from "node:fs/promises";

import { expect, it } from "vitest";

import { parseAbstentions } from "../../../src/dataset/conversation-row.js";
import { runGenerateJob } from "../../../src/generation/generate-job.js";
import { Settings } from "../../../src/state/settings.js";
import { findMisfit, inferArrowType } from "../../support/arrow-schema.js";
import { createRareBackend, createRareSeedLines } from "../../support/rare-job.js";
import { readRows } from "../../support/rows.js";
import { createTemporaryFiles } from "../../support/temporary-files.js";

const files = createTemporaryFiles();
const count = 1000;

/** Writes the rows of a job whose last rows hold everything that is rare, and returns their file. */
async function writeJob(mode: Settings["mode"]): Promise<string> {
  const { rows } = await runGenerateJob({
    output: files.path(mode),
    toolVersion: "1.2.3",
    seeds: await files.write(createRareSeedLines(count).join("\n")),
    settings: Settings.parse({ mode }),
    openBackend: () => createRareBackend(count, mode === "multi_review"),
  });
  return rows;
}

it.each(["multi_review", "no_review"] as const)("all rows of a job have the same keys and types, rare events included (%s)", async (mode) => {
  const lines = (await readFile(await writeJob(mode), "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(count);
  const [first] = lines.map((line) => inferArrowType([JSON.parse(line)]));
  for (const line of lines) expect(inferArrowType([JSON.parse(line)])).toEqual(first);
  expect(findMisfit(lines, 4096)).toBeNull();
  if (mode === "multi_review") expect(JSON.stringify(first)).not.toContain('"null"');
  expect(lines.filter((line) => /(?<!\\)\\u(?:d[89a-f]|0000)/.test(line))).toEqual([]);
});

it("rows hold what is rare as text", async () => {
  const rows = await readRows(await writeJob("multi_review"));
  const turns = rows.flatMap((row) => row.turns);
  expect(new Set(rows.map(({ earlyStop }) => earlyStop))).toEqual(new Set(["", "context_overflow", "no_valid_instruction"]));
  expect(turns.flatMap(parseAbstentions)).toContainEqual({ reviewer: "depth", code: "no_opinion", reason: "nothing to say" });
  expect(new Set(turns.map(({ verdict }) => verdict))).toEqual(new Set(["negative", "none"]));
  expect(turns.flatMap(({ calls }) => calls)).toContainEqual(
    expect.objectContaining({ inputTokens: 100, outputTokens: 0, metered: false, cached: false }),
  );
  expect(rows.find(({ usage }) => usage.unmeteredCalls > 0)?.usage).toEqual({
    calls: 9,
    unmeteredCalls: 9,
    inputTokens: 0,
    outputTokens: 0,
    cutPrompts: 0,
  });
  const seeds = rows.slice(-5).map(({ seed }) => seed);
  expect(seeds).toEqual([
    { index: 995, instruction: "Sum up 995.", input: "A loaf of rye.", system: "", messages: "", extra: "" },
    { index: 996, instruction: "Sum up 996.", input: "", system: "Be brief.", messages: "", extra: "" },
    { index: 997, instruction: "Sum up 997.", input: "", system: "", messages: "", extra: '{"id":997,"tags":["a",{"b":null}],"score":0.5}' },
    {
      index: 998,
      instruction: "",
      input: "",
      system: "",
      messages: '[{"role":"user","content":"Why?"},{"role":"assistant","content":"So."},{"role":"user","content":"And 998?"}]',
      extra: "",
    },
    { index: 999, instruction: "", input: "", system: "", messages: expect.stringContaining('"Be kind."'), extra: "" },
  ]);
});

it.each([
  ["a new column", { a: 1 }, { a: 1, b: 1 }, ".b is new"],
  ["a struct with another key", { a: { x: 1 } }, { a: { x: 1, y: 1 } }, ".a.y is new"],
  ["null first", { a: null }, { a: "x" }, '.a was "null", is "string"'],
  ["an empty list first", { a: [] }, { a: [{ x: 1 }] }, '.a[] was "null", is {"struct":{"x":"int"}}'],
  ["a whole number first", { a: 1 }, { a: 1.5 }, '.a was "int", is "float"'],
])("findMisfit finds %s", (_, first, later, reason) => {
  const lines = [first, first, later].map((row) => JSON.stringify(row));
  expect(findMisfit(lines, 1)).toEqual({ line: 3, reason });
  expect(findMisfit(lines.toReversed(), 1)).toBeNull();
});
