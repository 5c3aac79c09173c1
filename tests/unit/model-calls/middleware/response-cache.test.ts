import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createResponseCache } from "../../../../src/model-calls/middleware/response-cache.js";
import { createFileResponseStore } from "../../../../src/model-calls/middleware/response-store.js";
import type { CallModel, ModelRequest, ModelResponse } from "../../../../src/model-calls/model-call.js";
import { hostileTexts } from "../../../support/hostile-texts.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();
let folderCount = 0;
const createFolderPath = () => files.path(`cache-${++folderCount}`);

/** Creates a cache in a folder, around a model whose responses are numbered. */
function createCachedModel(dir: string, overrides: Partial<ModelResponse> = {}, onWarning?: (message: string) => void) {
  const requests: ModelRequest[] = [];
  const next: CallModel = async (request) => {
    requests.push(request);
    const text = `Response ${requests.length}`;
    return { text, finishReason: "stop", usage: { inputTokens: 7, outputTokens: 3 }, model: "m-2026", ...overrides };
  };
  const cache = createResponseCache({ store: createFileResponseStore(dir), onWarning });
  return { requests, callModel: cache.middleware(next), getStats: cache.getStats };
}

async function listFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const baseUrl = "http://127.0.0.1:9/v1";
const request = createRequest(baseUrl);
const withSettings = (overrides: Parameters<typeof createModelSettings>[1]) =>
  createRequest(baseUrl, { settings: createModelSettings(baseUrl, overrides) });
const schema = { type: "object" };

describe("createResponseCache", () => {
  it("answers a repeated request from the store, in this process and the next, marked as cached", async () => {
    const dir = createFolderPath();
    const first = createCachedModel(dir);
    const original = await first.callModel(request, {});
    expect(original).not.toHaveProperty("cached");
    const cached = { ...original, cached: true, evict: expect.any(Function) };
    expect(await first.callModel(request, {})).toEqual(cached);
    expect(first.getStats()).toEqual({ hits: 1, misses: 1, stored: 1 });
    const second = createCachedModel(dir);
    expect(await second.callModel(createRequest(baseUrl), {})).toEqual(cached);
    expect(second.requests).toHaveLength(0);
  });

  it("stores the response and its digest, and nothing else", async () => {
    const dir = createFolderPath();
    await createCachedModel(dir).callModel(request, {});
    const [file = "", ...others] = await listFiles(dir);
    expect(others).toEqual([]);
    expect(file.slice(dir.length)).toMatch(/^\/[0-9a-f]{2}\/[0-9a-f]{62}\.json$/);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      response: { text: "Response 1", finishReason: "stop", usage: { inputTokens: 7, outputTokens: 3 }, model: "m-2026" },
    });
  });

  it.each<[string, ModelRequest]>([
    ["endpoint", createRequest("http://127.0.0.1:10/v1")],
    ["model", withSettings({ model: "openai:another" })],
    ["temperature", withSettings({ temperature: 0.2 })],
    ["no temperature", withSettings({ temperature: null })],
    ["output limit", withSettings({ maxOutputTokens: 257 })],
    ["topP", withSettings({ topP: 0.9 })],
    ["sampling seed", withSettings({ samplingSeed: 1 })],
    ["stop sequences", withSettings({ stop: ["END"] })],
    ["frequency penalty", withSettings({ frequencyPenalty: 0.1 })],
    ["presence penalty", withSettings({ presencePenalty: 0.1 })],
    ["repetition penalty", withSettings({ repetitionPenalty: 1.1 })],
    ["system role", withSettings({ systemRole: "merge" })],
    ["extra fields", withSettings({ extraBody: { chat_template_kwargs: { enable_thinking: false } } })],
    ["text", { ...request, messages: [new SystemMessage("Answer briefly."), new HumanMessage("Why is the sky black?")] }],
    ["message type", { ...request, messages: [new SystemMessage("Answer briefly."), new AIMessage("Why is the sky blue?")] }],
    ["boundary between messages", { ...request, messages: [new SystemMessage("Answer"), new HumanMessage(" briefly.Why is the sky blue?")] }],
    ["number of messages", { ...request, messages: [...request.messages, new HumanMessage("")] }],
    ["schema name", { ...request, responseFormat: { name: "review", schema } }],
    ["schema", { ...request, responseFormat: { name: "review", schema: { type: "array" } } }],
    ["caller name", { ...request, caller: { name: "chairman" } }],
    ["caller group", { ...request, caller: { name: "candidate", group: "reviewer" } }],
  ])("distinguishes requests by their %s", async (_property, differing) => {
    const { callModel, requests } = createCachedModel(createFolderPath());
    await callModel(request, {});
    await callModel({ ...request, responseFormat: { name: "next_instruction", schema: { type: "array" } } }, {});
    await callModel({ ...request, responseFormat: { name: "next_instruction", schema } }, {});
    await callModel(differing, {});
    expect(requests).toHaveLength(4);
  });

  it("ignores the name of the key's variable, and a key in the base URL's query", async () => {
    const { callModel, requests } = createCachedModel(createFolderPath());
    await callModel(request, {});
    await callModel(withSettings({ apiKeyEnv: "ANOTHER" }), {});
    await callModel(withSettings({ baseUrl: "http://127.0.0.1:9/v1/?api_key=hidden-away" }), {});
    expect(requests).toHaveLength(1);
  });

  it.each<Partial<ModelResponse>>([{ finishReason: "length" }, { finishReason: "refusal" }, { text: "" }, { text: " \n" }])(
    "does not store a response with %j",
    async (overrides) => {
      const dir = createFolderPath();
      const { callModel, requests, getStats } = createCachedModel(dir, overrides);
      expect(await callModel(request, {})).not.toHaveProperty("evict");
      await callModel(request, {});
      expect(requests).toHaveLength(2);
      expect(getStats()).toEqual({ hits: 0, misses: 2, stored: 0 });
      expect(await listFiles(dir)).toEqual([]);
    },
  );

  it.each(["the endpoint", "the store"])("removes a response from %s when it is evicted", async (source) => {
    const dir = createFolderPath();
    const { callModel, requests } = createCachedModel(dir);
    const original = await callModel(request, {});
    const response = source === "the store" ? await callModel(request, {}) : original;
    await response.evict?.();
    expect(await listFiles(dir)).toEqual([]);
    expect((await callModel(request, {})).text).toBe("Response 2");
    expect((await callModel(request, {})).text).toBe("Response 2");
    expect(requests).toHaveLength(2);
  });

  it("does not cache calls without an endpoint", async () => {
    const dir = createFolderPath();
    const { callModel, requests, getStats } = createCachedModel(dir);
    const offlineRequest = createRequest(null, { settings: createModelSettings(null, { model: "offline" }) });
    await callModel(offlineRequest, {});
    await callModel(offlineRequest, {});
    expect(requests).toHaveLength(2);
    expect(getStats()).toEqual({ hits: 0, misses: 0, stored: 0 });
    expect(await listFiles(dir)).toEqual([]);
  });

  it("returns every text unchanged", async () => {
    const dir = createFolderPath();
    const texts = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: "binary", minLength: 1 }));
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        texts.filter((text) => text.trim() !== ""),
        async (text) => {
          const numberedRequest = { ...request, messages: [new HumanMessage(String(++run))] };
          await createCachedModel(dir, { text }).callModel(numberedRequest, {});
          expect((await createCachedModel(dir).callModel(numberedRequest, {})).text).toBe(text);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("replaces an entry that was cut off or changed anywhere", async () => {
    const dir = createFolderPath();
    await createCachedModel(dir).callModel(request, {});
    const [file = ""] = await listFiles(dir);
    const entry = await readFile(file, "utf8");
    const damagedEntries = [
      "",
      "null",
      "{}",
      ...[1, 20, 90, entry.length - 1].map((length) => entry.slice(0, length)),
      entry.replace("Response 1", "Response 9"),
      entry.replace('"inputTokens":7', '"inputTokens":6'),
      "\0".repeat(entry.length),
    ];
    for (const content of damagedEntries) {
      await writeFile(file, content);
      const { callModel, requests, getStats } = createCachedModel(dir, { text: "New" });
      expect((await callModel(request, {})).text).toBe("New");
      expect((await callModel(request, {})).text).toBe("New");
      expect(requests).toHaveLength(1);
      expect(getStats()).toEqual({ hits: 1, misses: 1, stored: 1 });
    }
  });

  it("leaves one complete entry when several caches write it at the same time", async () => {
    const dir = createFolderPath();
    const caches = [createCachedModel(dir), createCachedModel(dir), createCachedModel(dir)];
    const responses = await Promise.all(caches.flatMap(({ callModel }) => Array.from({ length: 20 }, () => callModel(request, {}))));
    expect(responses.every(({ text }) => /^Response \d+$/.test(text))).toBe(true);
    for (const { requests } of caches) expect(requests.length).toBeLessThanOrEqual(1);
    expect(await listFiles(dir)).toHaveLength(1);
    const later = createCachedModel(dir);
    await later.callModel(request, {});
    expect(later.getStats()).toMatchObject({ hits: 1, misses: 0 });
  });

  it("rethrows errors and stores nothing for them", async () => {
    const dir = createFolderPath();
    const { middleware } = createResponseCache({ store: createFileResponseStore(dir) });
    const callModel = middleware(async () => Promise.reject(new Error("down")));
    await expect(callModel(request, {})).rejects.toThrow("down");
    expect(await listFiles(dir)).toEqual([]);
  });

  it("returns no stored response if the signal is already aborted", async () => {
    const { callModel } = createCachedModel(createFolderPath());
    await callModel(request, {});
    await expect(callModel(request, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });

  it("continues with one warning and without storing once the folder cannot be written", async () => {
    const dir = createFolderPath();
    const warnings: string[] = [];
    const { callModel, requests, getStats } = createCachedModel(dir, {}, (message) => warnings.push(message));
    // A file in place of the folder prevents every read and write.
    await rm(dir, { recursive: true });
    await writeFile(dir, "");
    for (const text of ["a", "b", "c"]) expect((await callModel({ ...request, messages: [new HumanMessage(text)] }, {})).finishReason).toBe("stop");
    expect(requests).toHaveLength(3);
    expect(getStats()).toEqual({ hits: 0, misses: 3, stored: 0 });
    expect(warnings).toEqual([expect.stringContaining("the response cache cannot be read (ENOTDIR")]);
  });
});
