import { writeFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { readApiKeys } from "../../../../src/server/auth/read-api-keys.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();

test("API keys are read from the variable, else from the file", async () => {
  const file = files.path("keys.txt");
  await writeFile(file, "bob:2");
  const env = { REVIEW_INSTRUCT_API_KEYS: "alice:1", REVIEW_INSTRUCT_API_KEYS_FILE: file };
  expect(readApiKeys(env)).toEqual({ text: "alice:1", source: "REVIEW_INSTRUCT_API_KEYS" });
  expect(readApiKeys({ ...env, REVIEW_INSTRUCT_API_KEYS: "" })).toEqual({ text: "bob:2", source: file });
  expect(readApiKeys({})).toBeNull();
});

test("a file of API keys that cannot be read is an input error that names the variable", () => {
  const read = () => readApiKeys({ REVIEW_INSTRUCT_API_KEYS_FILE: files.path("missing.txt") });
  expect(read).toThrow(InputError);
  expect(read).toThrow("REVIEW_INSTRUCT_API_KEYS_FILE");
});
