import { expect, it } from "vitest";

import { readAllSeeds } from "../../../support/read-all-seeds.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();

async function readRow(row: object) {
  const { seeds, error } = await readAllSeeds(await files.write(JSON.stringify(row)));
  return error ?? seeds[0];
}

it.each([
  "<noinput>",
  "<no input>",
  "<NoInput>",
  "No input",
  "no input.",
  "No Input required.",
  "No input is needed",
  "(no input)",
  "[No Input]",
  "noinput",
  "no_input",
  "N/A",
  "n/a.",
  "<N/A>",
  "None",
  "none.",
  "Not applicable",
  "Input not required",
  " \t",
])("readSeeds takes the input %j for none", async (input) => {
  expect(await readRow({ instruction: "Name three colours.", input })).toStrictEqual({ instruction: "Name three colours." });
});

it.each([
  "No",
  "NA",
  "null",
  "None of the above is true.",
  "No input devices were found.",
  "N/A means not applicable",
  "noinputs",
  "<none of these>",
  "Na + Cl",
])("readSeeds keeps the input %j", async (input) => {
  expect(await readRow({ instruction: "Explain.", input })).toStrictEqual({ instruction: "Explain.", input });
});

it.each<[string, object, object]>([
  [
    "history before the instruction",
    { instruction: "And rye?", history: [["How do I bake bread?", "Slowly."]] },
    {
      messages: [
        { role: "user", content: "How do I bake bread?" },
        { role: "assistant", content: "Slowly." },
        { role: "user", content: "And rye?" },
      ],
    },
  ],
  [
    "history of two turns, with input, system prompt and further fields",
    {
      id: 7,
      instruction: "Sum up. ",
      input: "A text.",
      system: "Be brief.",
      history: [
        ["a", "b"],
        ["c", "d"],
      ],
      output: "x",
    },
    {
      system: "Be brief.",
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
        { role: "user", content: "c" },
        { role: "assistant", content: "d" },
        { role: "user", content: "Sum up.\n\nA text." },
      ],
      extra: '{"id":7,"output":"x"}',
    },
  ],
  ["an empty history", { instruction: "A", history: [] }, { instruction: "A" }],
  ["a history of null", { instruction: "A", history: null }, { instruction: "A" }],
])("readSeeds reads %s", async (_, row, seed) => {
  expect(await readRow(row)).toStrictEqual(seed);
});

it.each<[object, string, string]>([
  [{ instruction: "A", history: "q" }, "history", "is a string where a list of pairs [instruction, answer] is expected"],
  [{ instruction: "A", history: [["q"]] }, "history[0]", "is a list where a pair [instruction, answer] is expected"],
  [{ instruction: "A", history: [["q", "a", "b"]] }, "history[0]", "is a list where a pair [instruction, answer] is expected"],
  [{ instruction: "A", history: [["q", "a"], { user: "q" }] }, "history[1]", "is an object where a pair [instruction, answer] is expected"],
  [{ instruction: "A", history: [["q", ""]] }, "history[0][1]", "is empty"],
  [{ instruction: "A", history: [["q", 7]] }, "history[0][1]", "is a number where a string is expected"],
  [{ history: [["q", "a"]] }, "instruction", "is missing"],
  [{ messages: [{ role: "user", content: "A" }], history: [["q", "a"]] }, "history", "cannot be combined with `messages`"],
])("readSeeds rejects the row %j: the field %s %s", async (row, field, message) => {
  expect(await readRow(row)).toMatchObject({ details: { field }, message: expect.stringContaining(`the field "${field}" ${message}`) });
});

it.each<[string, object]>([
  ["no field of a seed", { conversations: [{ from: "human", value: "Hi?" }] }],
  ["messages", { messages: [{ from: "human", value: "Hi?" }] }],
])("readSeeds says how to rename the fields of ShareGPT, where the row has %s", async (_, row) => {
  const [list] = Object.keys(row);
  expect(await readRow(row)).toMatchObject({
    message: expect.stringContaining(
      `"${list}" has the form of ShareGPT: rename the list to "messages", "from" to "role" (human: user, gpt: assistant) and "value" to "content"`,
    ),
  });
});

it("readSeeds keeps every further field in extra, also halves of characters", async () => {
  const fields = { id: "q-17", tags: ["a", { b: null }], score: 0.5, "": "half \ud83d", Input: "other" };
  const seed = await readRow({ instruction: "A", ...fields });
  expect(seed).toStrictEqual({ instruction: "A", extra: JSON.stringify(fields) });
  expect(JSON.stringify(seed)).not.toMatch(/[^\\]\\ud83d/);
});
