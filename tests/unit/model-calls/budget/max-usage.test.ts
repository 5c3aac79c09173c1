import { once } from "node:events";
import { createServer } from "node:net";

import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";

import { ModelCallError } from "../../../../src/errors.js";
import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { wasNeverSent } from "../../../../src/model-calls/attempt/request-sent.js";
import { isPossiblyCharged, getMaxUsage } from "../../../../src/model-calls/budget/max-usage.js";
import { requestTo, settingsFor } from "../../../support/model-requests.js";

const bytes = (text: string) => new TextEncoder().encode(text).length;

describe("getMaxUsage", () => {
  it("is never below the bytes of the texts in any form that a tokenizer may bring them into", () => {
    // U+1D160 grows threefold under NFC, U+FDFA elevenfold under NFKC.
    // Fullwidth letters shrink under NFKC alone.
    const peculiar = fc.constantFrom("\u{1d160}".repeat(200), "\ufdfa".repeat(200), "\u{1d160}".repeat(200) + "\uff21".repeat(900));
    const texts = fc.array(fc.oneof(fc.string({ unit: "binary" }), peculiar), { maxLength: 6 });
    fc.assert(
      fc.property(texts, fc.constantFrom("NFC", "NFD", "NFKC"), (contents, form) => {
        const messages = contents.map((content, index) => (index % 2 === 0 ? new HumanMessage(content) : new AIMessage(content)));
        const normal = form === "NFD" ? contents : contents.map((content) => content.normalize(form));
        const { inputTokens } = getMaxUsage(requestTo(null, { messages }));
        expect(inputTokens).toBeGreaterThanOrEqual(normal.reduce((sum, content) => sum + bytes(content) + 5, 100));
      }),
    );
  });

  it("counts blocks of content, the reply schema and the output limit", () => {
    const messages = [new SystemMessage("s"), new HumanMessage({ content: [{ type: "text", text: "x".repeat(5000) }] })];
    const plain = getMaxUsage(requestTo(null, { messages, settings: settingsFor(null, { maxOutputTokens: 77 }) }));
    expect(plain.outputTokens).toBe(77);
    expect(plain.inputTokens).toBeGreaterThan(5000);
    const schema = { type: "object", description: "y".repeat(300) };
    expect(getMaxUsage(requestTo(null, { messages, responseFormat: { name: "review", schema } })).inputTokens).toBeGreaterThan(
      plain.inputTokens + 300,
    );
  });
});

describe("isPossiblyCharged", () => {
  it.each([400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 501, 503, 529])("is sure that status %d is free", (status) => {
    expect(isPossiblyCharged(new AttemptError("model_unavailable", `HTTP ${status}`, { retryable: true, status }))).toBe(false);
  });

  it.each([200, 408, 499, 502, 504, 520, 524])("is not sure of status %d", (status) => {
    expect(isPossiblyCharged(new AttemptError("model_unavailable", `HTTP ${status}`, { retryable: true, status }))).toBe(true);
  });

  it("is sure of what never left, and of nothing else", () => {
    const details = { caller: { name: "candidate" }, endpoint: "e", model: "m", attempts: 0 };
    const unsent = { retryable: true, unsent: true };
    expect(isPossiblyCharged(new ModelCallError("model_invalid_configuration", "no key", details))).toBe(false);
    expect(isPossiblyCharged(new AttemptError("model_invalid_configuration", "no key", { retryable: false }))).toBe(false);
    expect(isPossiblyCharged(new AttemptError("model_unavailable", "refused", unsent))).toBe(false);
    expect(isPossiblyCharged(new AttemptError("model_timeout", "no reply", { retryable: true }))).toBe(true);
    expect(isPossiblyCharged(new AttemptError("model_unavailable", "the connection failed", { retryable: true }))).toBe(true);
    expect(isPossiblyCharged(new DOMException("stopped", "AbortError"))).toBe(true);
    expect(isPossiblyCharged("?")).toBe(true);
  });
});

describe("wasNeverSent", () => {
  const stops: (() => void)[] = [];
  afterEach(() => stops.splice(0).forEach((stop) => stop()));

  /** A server that reads a little and then hangs up, in plain text. */
  async function rudeServer(): Promise<number> {
    const server = createServer((socket) => socket.once("data", () => socket.destroy()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stops.push(() => server.close());
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    return address.port;
  }

  async function fetchFailure(url: string): Promise<unknown> {
    return fetch(url, { method: "POST", body: "{}" }).then(
      () => expect.fail("it should have failed"),
      (error: unknown) => error,
    );
  }

  it("knows a port where nobody listens", async () => {
    const port = await rudeServer();
    stops.splice(0).forEach((stop) => stop());
    expect(wasNeverSent(await fetchFailure(`http://127.0.0.1:${port}/`))).toBe(true);
  });

  it("does not take a connection that broke after sending for one", async () => {
    const port = await rudeServer();
    expect(wasNeverSent(await fetchFailure(`http://127.0.0.1:${port}/`))).toBe(false);
  });

  it.each(["CERT_HAS_EXPIRED", "ERR_TLS_CERT_ALTNAME_INVALID", "DEPTH_ZERO_SELF_SIGNED_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "ENOTFOUND"])(
    "knows %s, however deep it lies",
    (code) => {
      const cause = new Error("fetch failed", { cause: Object.assign(new Error(code), { code }) });
      expect(wasNeverSent(new Error("Connection error.", { cause }))).toBe(true);
    },
  );

  it.each([{ code: "ECONNRESET", syscall: "read" }, { code: "ETIMEDOUT", syscall: "read" }, { code: "UND_ERR_SOCKET" }, {}])(
    "does not know %j",
    (fields) => {
      expect(wasNeverSent(Object.assign(new Error("broken"), fields))).toBe(false);
    },
  );

  it("comes to an end where causes go in a circle", () => {
    const error = new Error("a");
    error.cause = error;
    expect(wasNeverSent(error)).toBe(false);
  });
});
