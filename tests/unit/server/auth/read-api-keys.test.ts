import { writeFile } from "node:fs/promises";

import { expect, it } from "vitest";

import { readApiKeys } from "../../../../src/server/auth/read-api-keys.js";
import { InputError } from "../../../../src/errors.js";
import { temporaryFiles } from "../../../support/temporary-files.js";

const files = temporaryFiles();

it("users' keys come from the variable, else from the file, else from nowhere", async () => {
  const file = files.path("keys.txt");
  await writeFile(file, "bob:2");
  const both = { REVIEW_INSTRUCT_API_KEYS: "alice:1", REVIEW_INSTRUCT_API_KEYS_FILE: file };
  expect(readApiKeys(both)).toEqual({ text: "alice:1", source: "REVIEW_INSTRUCT_API_KEYS" });
  expect(readApiKeys({ ...both, REVIEW_INSTRUCT_API_KEYS: "" })).toEqual({ text: "bob:2", source: file });
  expect(readApiKeys({})).toBeNull();
});

it("a file of keys that cannot be read is told with the variable that names it", () => {
  const read = () => readApiKeys({ REVIEW_INSTRUCT_API_KEYS_FILE: files.path("missing.txt") });
  expect(read).toThrow(InputError);
  expect(read).toThrow("REVIEW_INSTRUCT_API_KEYS_FILE");
});
