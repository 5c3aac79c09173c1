import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { type CacheOptions, createResponseCache } from "../../../../src/model-calls/middleware/response-cache.js";
import type { CallModel, ModelResponse, ModelRequest } from "../../../../src/model-calls/model-call.js";
import { hostileTexts } from "../../../support/hostile-texts.js";
import { requestTo, settingsFor } from "../../../support/model-requests.js";
import { temporaryFiles } from "../../../support/temporary-files.js";

const files = temporaryFiles();
let names = 0;
const newFolder = () => files.path(`cache-${++names}`);

/** Numbers its replies, so that an old one is told from a new one. */
function numbered(overrides: Partial<ModelResponse> = {}) {
  const requests: ModelRequest[] = [];
  const access: CallModel = async (request) => {
    requests.push(request);
    return { text: `Reply ${requests.length}`, finishReason: "stop", usage: { inputTokens: 7, outputTokens: 3 }, model: "m-2026", ...overrides };
  };
  return { access, requests };
}

function cacheIn(dir: string, overrides: Partial<ModelResponse> = {}, options: CacheOptions = {}) {
  const { access, requests } = numbered(overrides);
  const cache = createResponseCache(dir, options);
  return { ...cache, requests, call: cache.middleware(access) };
}

async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const request = requestTo("http://127.0.0.1:9/v1");
const schema = { type: "object" };

describe("createResponseCache", () => {
  it("answers a request that was answered before, in this process and the next, as it was and marked", async () => {
    const dir = newFolder();
    const first = cacheIn(dir);
    const paid = await first.call(request, {});
    expect(paid).not.toHaveProperty("cached");
    const again = { ...paid, cached: true, discard: expect.any(Function) };
    expect(await first.call(request, {})).toEqual(again);
    expect(first.getStats()).toEqual({ hits: 1, misses: 1, stored: 1 });
    const second = cacheIn(dir);
    expect(await second.call(requestTo("http://127.0.0.1:9/v1"), {})).toEqual(again);
    expect(second.requests).toHaveLength(0);
  });

  it("keeps one file an entry in two-hex folders, with the reply in it and nothing else", async () => {
    const dir = newFolder();
    await cacheIn(dir).call(request, {});
    const [file = "", ...others] = await filesIn(dir);
    expect(others).toEqual([]);
    expect(file.slice(dir.length)).toMatch(/^\/[0-9a-f]{2}\/[0-9a-f]{62}\.json$/);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      reply: { text: "Reply 1", finish: "stop", usage: { inputTokens: 7, outputTokens: 3 }, model: "m-2026" },
    });
  });

  const other = (overrides: Parameters<typeof settingsFor>[1]) => requestTo(null, { settings: settingsFor("http://127.0.0.1:9/v1", overrides) });
  it.each<[string, ModelRequest]>([
    ["endpoint", requestTo("http://127.0.0.1:10/v1")],
    ["model", other({ model: "openai:another" })],
    ["temperature", other({ temperature: 0.2 })],
    ["output limit", other({ maxOutputTokens: 257 })],
    ["text", { ...request, messages: [new SystemMessage("Answer briefly."), new HumanMessage("Why is the sky black?")] }],
    ["speaker", { ...request, messages: [new SystemMessage("Answer briefly."), new AIMessage("Why is the sky blue?")] }],
    ["cut between messages", { ...request, messages: [new SystemMessage("Answer"), new HumanMessage(" briefly.Why is the sky blue?")] }],
    ["number of messages", { ...request, messages: [...request.messages, new HumanMessage("")] }],
    ["schema name", { ...request, responseFormat: { name: "review", schema } }],
    ["schema", { ...request, responseFormat: { name: "review", schema: { type: "array" } } }],
    ["reviewer", { ...request, reviewer: "depth" }],
  ])("tells requests apart by their %s", async (_what, differing) => {
    const { call, requests } = cacheIn(newFolder());
    await call(request, {});
    await call({ ...request, responseFormat: { name: "next_instruction", schema: { type: "array" } } }, {});
    await call({ ...request, responseFormat: { name: "next_instruction", schema } }, {});
    await call(differing, {});
    expect(requests).toHaveLength(4);
  });

  it("does not care for the name of a key's variable, nor for a key in the base URL's query", async () => {
    const dir = newFolder();
    const { call, requests } = cacheIn(dir);
    await call(request, {});
    await call(other({ apiKeyEnv: "ANOTHER" }), {});
    await call(other({ baseUrl: "http://127.0.0.1:9/v1/?api_key=hidden-away" }), {});
    expect(requests).toHaveLength(1);
  });

  it.each<Partial<ModelResponse>>([{ finishReason: "length" }, { finishReason: "refusal" }, { text: "" }, { text: " \n" }])(
    "does not keep %j",
    async (reply) => {
      const dir = newFolder();
      const { call, requests, getStats } = cacheIn(dir, reply);
      await call(request, {});
      await call(request, {});
      expect(requests).toHaveLength(2);
      expect(getStats()).toEqual({ hits: 0, misses: 2, stored: 0 });
      expect(await filesIn(dir)).toEqual([]);
    },
  );

  it.each(["as it came from the endpoint", "as it came out of the cache"])("forgets a reply that is discarded %s", async (when) => {
    const dir = newFolder();
    const { call, requests } = cacheIn(dir);
    const paid = await call(request, {});
    const reply = when.includes("cache") ? await call(request, {}) : paid;
    await reply.evict?.();
    expect(await filesIn(dir)).toEqual([]);
    expect((await call(request, {})).text).toBe("Reply 2");
    expect((await call(request, {})).text).toBe("Reply 2");
    expect(requests).toHaveLength(2);
  });

  it("leaves the offline model alone", async () => {
    const dir = newFolder();
    const { call, requests, getStats } = cacheIn(dir);
    const offline = requestTo(null, { settings: settingsFor(null, { model: "offline" }) });
    await call(offline, {});
    await call(offline, {});
    expect(requests).toHaveLength(2);
    expect(getStats()).toEqual({ hits: 0, misses: 0, stored: 0 });
    expect(await filesIn(dir)).toEqual([]);
  });

  it("keeps every text to the letter", async () => {
    const dir = newFolder();
    const texts = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: "binary", minLength: 1 }));
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        texts.filter((text) => text.trim() !== ""),
        async (text) => {
          const asked = { ...request, messages: [new HumanMessage(String(++run))] };
          await cacheIn(dir, { text }).call(asked, {});
          expect((await cacheIn(dir).call(asked, {})).text).toBe(text);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("takes an entry that is cut off or changed anywhere for a miss, and replaces it", async () => {
    const dir = newFolder();
    await cacheIn(dir).call(request, {});
    const [file = ""] = await filesIn(dir);
    const whole = await readFile(file, "utf8");
    const damaged = [
      "",
      "null",
      "{}",
      ...[1, 20, 90, whole.length - 1].map((length) => whole.slice(0, length)),
      whole.replace("Reply 1", "Reply 9"),
      whole.replace('"inputTokens":7', '"inputTokens":6'),
      "\0".repeat(whole.length),
    ];
    for (const content of damaged) {
      await writeFile(file, content);
      const { call, requests, getStats } = cacheIn(dir, { text: "Anew" });
      expect((await call(request, {})).text).toBe("Anew");
      expect((await call(request, {})).text).toBe("Anew");
      expect(requests).toHaveLength(1);
      expect(getStats()).toEqual({ hits: 1, misses: 1, stored: 1 });
    }
  });

  it("sends equal requests that are under way together each for itself, and stays whole under many writers", async () => {
    const dir = newFolder();
    const caches = [cacheIn(dir), cacheIn(dir), cacheIn(dir)];
    const replies = await Promise.all(caches.flatMap(({ call }) => Array.from({ length: 20 }, () => call(request, {}))));
    expect(replies.every(({ text }) => /^Reply \d+$/.test(text))).toBe(true);
    expect(caches.flatMap(({ requests }) => requests).length).toBeGreaterThan(3);
    expect(await filesIn(dir)).toHaveLength(1);
    const late = cacheIn(dir);
    await late.call(request, {});
    expect(late.getStats()).toMatchObject({ hits: 1, misses: 0 });
  });

  it("passes errors through, keeps nothing of them, and serves nobody who has given up", async () => {
    const dir = newFolder();
    const failing = createResponseCache(dir).middleware(async () => {
      throw new Error("down");
    });
    await expect(failing(request, {})).rejects.toThrow("down");
    expect(await filesIn(dir)).toEqual([]);
    const { call } = cacheIn(dir);
    await call(request, {});
    await expect(call(request, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });

  it("refuses a folder that cannot be written", async () => {
    const inTheWay = await files.write("");
    expect(() => createResponseCache(inTheWay)).toThrow(InputError);
    expect(() => createResponseCache(join(inTheWay, "below"))).toThrow(`cannot keep replies in ${join(inTheWay, "below")}`);
  });

  it("goes on without storing when it no longer can, with one warning", async () => {
    const dir = newFolder();
    const warnings: string[] = [];
    const { call, requests, getStats } = cacheIn(dir, {}, { onWarning: (message) => warnings.push(message) });
    // Nothing can be made in what is no folder any more.
    await rm(dir, { recursive: true });
    await writeFile(dir, "");
    for (const text of ["a", "b", "c"]) expect((await call({ ...request, messages: [new HumanMessage(text)] }, {})).finishReason).toBe("stop");
    expect(requests).toHaveLength(3);
    expect(getStats()).toEqual({ hits: 0, misses: 3, stored: 0 });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`the reply cache in ${dir} cannot be`);
    await rm(dir);
    await mkdir(dir);
  });
});
