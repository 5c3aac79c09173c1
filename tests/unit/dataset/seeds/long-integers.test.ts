import { expect, it } from "vitest";

import { readAllSeeds } from "../../../support/read-all-seeds.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();

it.each([
  ["an id of 19 digits", '{"id":1234567890123456789}', '{"id":"1234567890123456789"}'],
  ["a negative id in a list", '{"ids":[1,-12345678901234567890]}', '{"ids":[1,"-12345678901234567890"]}'],
  ["the largest number that keeps its digits", '{"id":9007199254740991}', '{"id":9007199254740991}'],
  ["the one after it", '{"id":9007199254740992}', '{"id":"9007199254740992"}'],
  ["digits in a text", '{"text":"a \\"1234567890123456789\\" \\\\"}', '{"text":"a \\"1234567890123456789\\" \\\\"}'],
  ["digits in a key", '{"1234567890123456789":1}', '{"1234567890123456789":1}'],
  ["a fraction", '{"x":0.1234567890123456}', '{"x":0.1234567890123456}'],
  ["an exponent", '{"x":12345678901234567e-2}', '{"x":123456789012345.67}'],
])("readSeeds keeps %s", async (_, fields, extra) => {
  const row = `{"instruction":"A",${fields.slice(1)}`;
  for (const text of [row, `[${row}]`]) expect((await readAllSeeds(await files.write(text))).seeds).toEqual([{ instruction: "A", extra }]);
});

it.each(['{"instruction":"A","x":01234567890123456789}', '{"instruction":"A" 1234567890123456789}'])("readSeeds rejects %s", async (row) => {
  expect((await readAllSeeds(await files.write(row))).error?.message).toContain("not valid JSON");
});
