import { setImmediate as nextTick } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { createResponseCache } from "../../../../src/model-calls/middleware/response-cache.js";
import type { ResponseStore } from "../../../../src/model-calls/middleware/response-store.js";
import type { CallModel, ModelResponse } from "../../../../src/model-calls/model-call.js";
import { createRequest } from "../../../support/model-requests.js";

const request = createRequest("http://127.0.0.1:9/v1");
const otherRequest = createRequest("http://127.0.0.1:10/v1");

interface OpenCall {
  respond(overrides?: Partial<ModelResponse>): void;
  fail(error: Error): void;
}

/** Creates a cache on a store in memory, around a model whose calls the test finishes. */
function createCachedModel(storeOverrides: Partial<ResponseStore> = {}) {
  const texts = new Map<string, string>();
  const store: ResponseStore = {
    get: async (key) => texts.get(key),
    set: async (key, value) => texts.set(key, value),
    delete: async (key) => texts.delete(key),
    ...storeOverrides,
  };
  const warnings: string[] = [];
  const cache = createResponseCache({ store, onWarning: (message) => warnings.push(message) });
  const calls: OpenCall[] = [];
  const next: CallModel = (_request, { signal }) =>
    new Promise((resolve, reject) => {
      const text = `Response ${calls.length + 1}`;
      const usage = { inputTokens: 7, outputTokens: 3 };
      calls.push({ respond: (overrides) => resolve({ text, finishReason: "stop", usage, model: "m", ...overrides }), fail: reject });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  return { texts, warnings, calls, callModel: cache.middleware(next), getStats: cache.getStats };
}

describe("createResponseCache with identical requests at the same time", () => {
  it("makes one call, and gives its response to all, marked as cached for those that waited", async () => {
    const { callModel, calls, getStats } = createCachedModel();
    const responses = [callModel(request, {}), callModel(request, {}), callModel(request, {})];
    await nextTick();
    expect(calls).toHaveLength(1);
    calls[0]?.respond();
    const [first, ...others] = await Promise.all(responses);
    expect(first).toMatchObject({ text: "Response 1", evict: expect.any(Function) });
    expect(first).not.toHaveProperty("cached");
    for (const response of others) expect(response).toMatchObject({ text: "Response 1", cached: true, evict: expect.any(Function) });
    expect(getStats()).toEqual({ hits: 2, misses: 1, stored: 1 });
  });

  it("does not share the message id and run id of the call", async () => {
    const { callModel, calls } = createCachedModel();
    const responses = [callModel(request, {}), callModel(request, {})];
    await nextTick();
    calls[0]?.respond({ messageId: "message-1", runId: "run-1" });
    const [first, second] = await Promise.all(responses);
    expect(first).toMatchObject({ messageId: "message-1", runId: "run-1" });
    expect(second).not.toHaveProperty("messageId");
    expect(second).not.toHaveProperty("runId");
  });

  it("does not let different requests wait for each other", async () => {
    const { callModel, calls } = createCachedModel();
    const responses = [callModel(request, {}), callModel(otherRequest, {})];
    await nextTick();
    expect(calls).toHaveLength(2);
    calls.forEach((call) => call.respond());
    expect((await Promise.all(responses)).map(({ text }) => text)).toEqual(["Response 1", "Response 2"]);
  });

  it("makes a call for a waiting request if the first call fails", async () => {
    const { callModel, calls, getStats } = createCachedModel();
    const first = callModel(request, {});
    const second = callModel(request, {});
    const firstRejects = expect(first).rejects.toThrow("down");
    await nextTick();
    calls[0]?.fail(new Error("down"));
    await firstRejects;
    await nextTick();
    expect(calls).toHaveLength(2);
    calls[1]?.respond();
    expect(await second).toMatchObject({ text: "Response 2" });
    expect(await second).not.toHaveProperty("cached");
    expect(getStats()).toEqual({ hits: 0, misses: 2, stored: 1 });
  });

  it("makes a call for a waiting request if the first request is aborted", async () => {
    const { callModel, calls } = createCachedModel();
    const controller = new AbortController();
    const firstRejects = expect(callModel(request, { signal: controller.signal })).rejects.toThrow("enough");
    const second = callModel(request, {});
    await nextTick();
    controller.abort(new Error("enough"));
    await firstRejects;
    await nextTick();
    calls[1]?.respond();
    expect((await second).text).toBe("Response 2");
  });

  it.each<Partial<ModelResponse>>([{ finishReason: "length" }, { finishReason: "refusal" }, { text: " " }])(
    "makes a call for a waiting request if the first response has %j and is not stored",
    async (overrides) => {
      const { callModel, calls, getStats } = createCachedModel();
      const first = callModel(request, {});
      const second = callModel(request, {});
      await nextTick();
      calls[0]?.respond(overrides);
      expect(await first).toMatchObject(overrides);
      await nextTick();
      calls[1]?.respond();
      expect(await second).toMatchObject({ text: "Response 2" });
      expect(getStats()).toEqual({ hits: 0, misses: 2, stored: 1 });
    },
  );

  it("makes one call at a time for several waiting requests if the first call fails", async () => {
    const { callModel, calls } = createCachedModel();
    const firstRejects = expect(callModel(request, {})).rejects.toThrow("down");
    const others = [callModel(request, {}), callModel(request, {}), callModel(request, {})];
    await nextTick();
    calls[0]?.fail(new Error("down"));
    await firstRejects;
    await nextTick();
    expect(calls).toHaveLength(2);
    calls[1]?.respond();
    expect((await Promise.all(others)).map(({ text }) => text)).toEqual(["Response 2", "Response 2", "Response 2"]);
    expect(calls).toHaveLength(2);
  });

  it("ends a waiting request at once when its signal aborts, and continues the first call", async () => {
    const { callModel, calls } = createCachedModel();
    const controller = new AbortController();
    const first = callModel(request, {});
    const secondRejects = expect(callModel(request, { signal: controller.signal })).rejects.toThrow("enough");
    await nextTick();
    controller.abort(new Error("enough"));
    await secondRejects;
    calls[0]?.respond();
    expect((await first).text).toBe("Response 1");
    expect(calls).toHaveLength(1);
  });

  it("ends a waiting request at once if its signal aborted while the store was read", async () => {
    const pendingReads: (() => void)[] = [];
    const { callModel, calls } = createCachedModel({ get: () => new Promise((resolve) => pendingReads.push(() => resolve(undefined))) });
    const controller = new AbortController();
    const first = callModel(request, {});
    const secondRejects = expect(callModel(request, { signal: controller.signal })).rejects.toThrow("enough");
    controller.abort(new Error("enough"));
    pendingReads.forEach((finishRead) => finishRead());
    await secondRejects;
    expect(calls).toHaveLength(1);
    calls[0]?.respond();
    expect((await first).text).toBe("Response 1");
  });

  it("leaves no listener on the signal of a request that waited", async () => {
    const { callModel, calls } = createCachedModel();
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners.add(args[1]);
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners.delete(args[1]);
      removeEventListener.apply(signal, args);
    };
    const responses = [callModel(request, {}), callModel(request, { signal })];
    await nextTick();
    expect(listeners.size).toBe(1);
    calls[0]?.respond();
    await Promise.all(responses);
    expect(listeners.size).toBe(0);
  });
});

describe("createResponseCache with a store that throws", () => {
  const throwError = async () => Promise.reject(new Error("ENOSPC: no space left on device"));

  it("makes a call for each request, with one warning, if the store cannot be read", async () => {
    const { callModel, calls, warnings, getStats } = createCachedModel({ get: throwError });
    const responses = [callModel(request, {}), callModel(request, {})];
    await nextTick();
    expect(calls).toHaveLength(2);
    calls.forEach((call) => call.respond());
    expect((await Promise.all(responses)).map(({ text }) => text)).toEqual(["Response 1", "Response 2"]);
    expect(warnings).toEqual(["the response cache cannot be read (ENOSPC: no space left on device): the run continues without storing responses"]);
    expect(getStats()).toEqual({ hits: 0, misses: 2, stored: 0 });
  });

  it("returns the response without evict, and makes a call for a waiting request, if the store cannot be written", async () => {
    const { callModel, calls, warnings, getStats } = createCachedModel({ set: throwError });
    const first = callModel(request, {});
    const others = [callModel(request, {}), callModel(request, {})];
    await nextTick();
    calls[0]?.respond();
    expect(await first).toMatchObject({ text: "Response 1" });
    expect(await first).not.toHaveProperty("evict");
    await nextTick();
    // Nothing is stored any more, so these do not wait for each other.
    expect(calls).toHaveLength(3);
    calls.slice(1).forEach((call) => call.respond());
    expect((await Promise.all(others)).map(({ text }) => text)).toEqual(["Response 2", "Response 3"]);
    expect(warnings).toEqual([expect.stringContaining("the response cache cannot be written (ENOSPC")]);
    expect(getStats()).toEqual({ hits: 0, misses: 3, stored: 0 });
  });

  it("reports a failed eviction as a warning, and does not throw", async () => {
    const { callModel, calls, warnings } = createCachedModel({ delete: throwError });
    const response = callModel(request, {});
    await nextTick();
    calls[0]?.respond();
    await (await response).evict?.();
    expect(warnings).toEqual([expect.stringContaining("the response cache cannot be cleared of an unusable response (ENOSPC")]);
  });

  it("still answers from the store once it cannot be written", async () => {
    const { callModel, calls, texts } = createCachedModel();
    const first = callModel(request, {});
    await nextTick();
    calls[0]?.respond();
    await first;
    const readOnly = createCachedModel({ get: async (key) => texts.get(key), set: throwError });
    const other = readOnly.callModel(otherRequest, {});
    await nextTick();
    readOnly.calls[0]?.respond();
    await other;
    expect(await readOnly.callModel(request, {})).toMatchObject({ text: "Response 1", cached: true });
  });
});
