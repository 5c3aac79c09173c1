import { writeFile } from "node:fs/promises";

import { expect, it } from "vitest";

import { readKeyText } from "../../../src/access/key-text.js";
import { InputError } from "../../../src/errors.js";
import { temporaryFiles } from "../../support/temporary-files.js";

const files = temporaryFiles();

it("users' keys come from the variable, else from the file, else from nowhere", async () => {
  const file = files.path("keys.txt");
  await writeFile(file, "bob:2");
  const both = { REVIEW_INSTRUCT_API_KEYS: "alice:1", REVIEW_INSTRUCT_API_KEYS_FILE: file };
  expect(readKeyText(both)).toEqual({ text: "alice:1", source: "REVIEW_INSTRUCT_API_KEYS" });
  expect(readKeyText({ ...both, REVIEW_INSTRUCT_API_KEYS: "" })).toEqual({ text: "bob:2", source: file });
  expect(readKeyText({})).toBeNull();
});

it("a file of keys that cannot be read is told with the variable that names it", () => {
  const read = () => readKeyText({ REVIEW_INSTRUCT_API_KEYS_FILE: files.path("missing.txt") });
  expect(read).toThrow(InputError);
  expect(read).toThrow("REVIEW_INSTRUCT_API_KEYS_FILE");
});
