import fc from "fast-check";
import { expect, it } from "vitest";

import { readRows } from "../../../src/dataset/read-rows.js";
import { JsonlFile } from "../../../src/jobs/jsonl-file.js";
import { hostileTexts } from "../../support/hostile-texts.js";
import { createTemporaryFiles } from "../../support/temporary-files.js";

const files = createTemporaryFiles();
let count = 0;

const text = fc.array(fc.oneof(fc.constantFrom(...hostileTexts, "\u2028", "\u2029", "\r", "\n"), fc.string({ unit: "binary" })), { maxLength: 4 });
const rows = fc.array(text.map((parts) => ({ text: parts.join("") })));

async function readBack(path: string): Promise<unknown[]> {
  const found: unknown[] = [];
  const file = await JsonlFile.open(path, (row) => found.push(row));
  await file.close();
  return found;
}

it("reads back every row as one line, whatever text it holds", async () => {
  await fc.assert(
    fc.asyncProperty(rows, async (written) => {
      const path = files.path(`${++count}-rows.jsonl`);
      const file = await JsonlFile.open(path, () => expect.fail("a new file has no rows"));
      for (const row of written) await file.append(row);
      await file.close();
      expect(await readBack(path)).toEqual(written);
    }),
    { numRuns: 50 },
  );
});

it("writes files that readRows reads row by row", async () => {
  const written = hostileTexts.map((text) => ({ text }));
  const path = files.path("conversations.jsonl");
  const file = await JsonlFile.open(path, () => expect.fail("a new file has no rows"));
  for (const row of written) await file.append(row);
  await file.close();
  const found: unknown[] = [];
  for await (const row of await readRows(files.path("."))) found.push(row);
  expect(found).toEqual(written);
});
