import { once } from "node:events";
import { createServer } from "node:net";

import { afterEach, describe, expect, it } from "vitest";

import { AttemptError } from "../../../../src/model-calls/attempt/attempt-error.js";
import { toAttemptError } from "../../../../src/model-calls/attempt/classify-error.js";

const keepText = (text: string) => text;
const classify = (error: unknown) => toAttemptError(error, keepText);
const withFields = (message: string, fields: object) => Object.assign(new Error(message), fields);

const closeServers: (() => void)[] = [];
afterEach(() => closeServers.splice(0).forEach((close) => close()));

/** Starts a server that disconnects as soon as it has received something. Returns its port. */
async function startDisconnectingServer(): Promise<number> {
  const server = createServer((socket) => socket.once("data", () => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closeServers.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

async function getFetchError(port: number): Promise<unknown> {
  return fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}" }).then(
    () => expect.fail("the request should fail"),
    (error: unknown) => error,
  );
}

describe("toAttemptError: requestNotSent", () => {
  it("is true for a port without a server", async () => {
    const port = await startDisconnectingServer();
    closeServers.splice(0).forEach((close) => close());
    expect(classify(await getFetchError(port))).toMatchObject({
      code: "model_unavailable",
      details: { retryable: true, requestNotSent: true },
    });
  });

  it("is false for a connection that broke after the request was sent", async () => {
    const port = await startDisconnectingServer();
    expect(classify(await getFetchError(port))).toMatchObject({
      code: "model_unavailable",
      details: { retryable: true, requestNotSent: false },
    });
  });

  it.each([
    "CERT_HAS_EXPIRED",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "ENOTFOUND",
    "UND_ERR_CONNECT_TIMEOUT",
  ])("is true for %s in a cause of a cause", (code) => {
    const cause = new Error("fetch failed", { cause: withFields(code, { code }) });
    expect(classify(new Error("Connection error.", { cause })).details.requestNotSent).toBe(true);
  });

  it("is true for a connection attempt that timed out", () => {
    const error = withFields("connect ETIMEDOUT", { code: "ETIMEDOUT", syscall: "connect" });
    expect(classify(error)).toMatchObject({ code: "model_timeout", details: { requestNotSent: true } });
  });

  it.each([{ code: "ECONNRESET", syscall: "read" }, { code: "ETIMEDOUT", syscall: "read" }, { code: "UND_ERR_SOCKET" }, {}])(
    "is false for an error with %j",
    (fields) => {
      expect(classify(withFields("broken", fields)).details.requestNotSent).toBe(false);
    },
  );
});

describe("toAttemptError", () => {
  it("terminates for causes that are circular", () => {
    const error = new Error("a");
    error.cause = error;
    expect(classify(error)).toMatchObject({ code: "model_unavailable", details: { retryable: false, requestNotSent: false } });
  });

  it("keeps the code and details of an AttemptError, and redacts its message", () => {
    const error = new AttemptError("model_rate_limited", "key abc", { retryable: true, status: 429, retryAfterMs: 5 });
    const classified = toAttemptError(error, (text) => text.replace("abc", "[secret]"));
    expect(classified).toMatchObject({ code: "model_rate_limited", message: "key [secret]", details: error.details });
  });

  it("keeps neither the fields nor the unredacted message of the original error", () => {
    const error = withFields("failed with key abc", { config: { key: "abc" } });
    const { cause, message } = toAttemptError(error, (text) => text.replaceAll("abc", "[secret]"));
    expect(message).toBe("the chat model failed: failed with key [secret]");
    expect(cause).not.toHaveProperty("config");
    expect(cause instanceof Error ? `${cause.message}${cause.stack}` : "").not.toContain("abc");
  });
});
