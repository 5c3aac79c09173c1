import { createHash } from "node:crypto";

import { expect, it } from "vitest";

import { digestSeeds } from "../../../../src/dataset/seeds/digest-seeds.js";
import { InputError } from "../../../../src/errors.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();

it("digestSeeds returns the SHA-256 of the file as 64 hexadecimal digits", async () => {
  expect(await digestSeeds(await files.write("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(await digestSeeds(await files.write(""))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

it("digestSeeds covers every byte of a large file, including the byte order mark", async () => {
  const content = Buffer.from(`\uFEFF${"0123456789".repeat(100_000)}`);
  const digest = await digestSeeds(await files.write(content));
  expect(digest).toBe(createHash("sha256").update(content).digest("hex"));
  content.writeUInt8(0x20, content.length - 1);
  expect(await digestSeeds(await files.write(content))).not.toBe(digest);
});

it("digestSeeds throws an InputError with the path for a missing file", async () => {
  const file = files.path("missing.jsonl");
  await expect(digestSeeds(file)).rejects.toThrow(InputError);
  await expect(digestSeeds(file)).rejects.toThrow(`${file} does not exist. Check the path.`);
});
