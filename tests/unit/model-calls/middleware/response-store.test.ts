import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { createResponseCache } from "../../../../src/model-calls/middleware/response-cache.js";
import { type ResponseStore, createFileResponseStore } from "../../../../src/model-calls/middleware/response-store.js";
import { hostileTexts } from "../../../support/hostile-texts.js";
import { createRequest } from "../../../support/model-requests.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();
let folderCount = 0;
const createFolderPath = () => files.path(`store-${++folderCount}`);

const key = "ab".padEnd(64, "0");

describe("createFileResponseStore", () => {
  it("returns undefined for a key that was never stored", async () => {
    expect(await createFileResponseStore(createFolderPath()).get(key)).toBeUndefined();
  });

  it("stores any text unchanged, for this and every later store on the folder", async () => {
    const dir = createFolderPath();
    const store = createFileResponseStore(dir);
    const texts = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: "binary" }));
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        await store.set(key, text);
        expect(await store.get(key)).toBe(text);
        expect(await createFileResponseStore(dir).get(key)).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  it("deletes a text, and ignores a missing one", async () => {
    const store = createFileResponseStore(createFolderPath());
    await store.set(key, "text");
    await store.delete(key);
    expect(await store.get(key)).toBeUndefined();
    await store.delete(key);
  });

  it("keeps one file per text in folders of two characters, and no temporary files", async () => {
    const dir = createFolderPath();
    const store = createFileResponseStore(dir);
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.set(key, `text ${index}`)));
    expect(await readdir(dir)).toEqual(["ab"]);
    expect(await readdir(join(dir, "ab"))).toEqual([`${key.slice(2)}.json`]);
    expect(await readFile(join(dir, "ab", `${key.slice(2)}.json`), "utf8")).toMatch(/^text \d+$/);
  });

  it("throws for a text that cannot be written, and leaves no temporary file", async () => {
    const dir = createFolderPath();
    const store = createFileResponseStore(dir);
    // A folder in place of the file cannot be replaced by it.
    await mkdir(join(dir, "ab", `${key.slice(2)}.json`, "folder"), { recursive: true });
    await expect(store.set(key, "text")).rejects.toThrow();
    expect(await readdir(join(dir, "ab"))).toEqual([`${key.slice(2)}.json`]);
  });

  it("throws for a text that cannot be read", async () => {
    const dir = createFolderPath();
    const store = createFileResponseStore(dir);
    await writeFile(join(dir, "ab"), "");
    await expect(store.get(key)).rejects.toThrow("ENOTDIR");
  });

  it("throws an InputError for a folder that cannot be created", async () => {
    const notAFolder = await files.write("");
    expect(() => createFileResponseStore(notAFolder)).toThrow(InputError);
    expect(() => createFileResponseStore(join(notAFolder, "below"))).toThrow(`cannot store responses in ${join(notAFolder, "below")}`);
  });
});

/** Creates a store in memory. It has the methods of a Keyv instance that the cache needs. */
function createMapStore(): ResponseStore & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    get: async (textKey) => texts.get(textKey),
    set: async (textKey, value) => texts.set(textKey, value),
    delete: async (textKey) => texts.delete(textKey),
  };
}

describe("ResponseStore", () => {
  it("can be any object with get, set and delete", async () => {
    const store = createMapStore();
    const request = createRequest("http://127.0.0.1:9/v1");
    let calls = 0;
    const createCallModel = () =>
      createResponseCache({ store }).middleware(async () => {
        const text = `Response ${++calls}`;
        return { text, finishReason: "stop", usage: { inputTokens: 7, outputTokens: 3 }, model: "m" };
      });
    await createCallModel()(request, {});
    const cached = await createCallModel()(request, {});
    expect(cached).toMatchObject({ text: "Response 1", cached: true });
    expect(store.texts.size).toBe(1);
    await cached.evict?.();
    expect(store.texts.size).toBe(0);
    expect(await createCallModel()(request, {})).toMatchObject({ text: "Response 2" });
  });
});
