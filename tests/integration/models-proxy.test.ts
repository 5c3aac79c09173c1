import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import { type AddressInfo, connect } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { getRejection } from "../support/get-rejection.js";
import { createModelSettings, createRequest, secretKey, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

/** A forward proxy that leads every host to one server. */
interface Proxy {
  readonly url: string;
  readonly seen: string[];
  close(): void;
}

async function startProxy(origin: string): Promise<Proxy> {
  const target = new URL(origin);
  const seen: string[] = [];
  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url} ${incoming.headers["proxy-authorization"] ?? ""}`.trim());
    const { pathname } = new URL(incoming.url ?? "");
    const onward = forward({ port: target.port, method: incoming.method, path: pathname, headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward);
  });
  server.on("connect", (incoming, socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    const onward = connect(Number(target.port), target.hostname, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

let server: OpenAiServer;
let proxy: Proxy;
beforeEach(async () => {
  server = await startOpenAiServer(() => ({ content: "Through the proxy." }));
  proxy = await startProxy(server.baseUrl);
});
afterEach(async () => {
  proxy.close();
  await server.close();
});

const call = (baseUrl: string | null, env: Record<string, string>, model = "openai:test-model") =>
  createModelCaller({ env: { ...testEnv, ...env }, minDelayMs: 1, maxRetries: 0 })(
    createRequest(null, { settings: createModelSettings(baseUrl, { model }) }),
    {},
  );

describe("proxies of the environment", () => {
  it("carry a call to a host that only they can reach", async () => {
    const response = await call("http://model.example/v1", { HTTP_PROXY: proxy.url });
    expect(response.text).toBe("Through the proxy.");
    expect(proxy.seen).toEqual(["POST http://model.example/v1/chat/completions"]);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secretKey}`);
  });

  it("get the credentials of their URL", async () => {
    await call("http://model.example/v1", { HTTP_PROXY: proxy.url.replace("//", "//me:hunter2@") });
    expect(proxy.seen).toEqual([`POST http://model.example/v1/chat/completions Basic ${Buffer.from("me:hunter2").toString("base64")}`]);
  });

  it("get a tunnel for https", async () => {
    await getRejection(call("https://model.example/v1", { HTTPS_PROXY: proxy.url }));
    expect(proxy.seen).toEqual(["CONNECT model.example:443"]);
  });

  it("are not used for loopback or for hosts of NO_PROXY", async () => {
    await call(server.baseUrl, { HTTP_PROXY: proxy.url });
    await getRejection(call("http://model.invalid/v1", { HTTP_PROXY: proxy.url, NO_PROXY: "model.invalid" }));
    expect(proxy.seen).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it("are used for loopback if NO_PROXY says so", async () => {
    await call(server.baseUrl, { HTTP_PROXY: proxy.url, NO_PROXY: "<-loopback>" });
    expect(proxy.seen).toHaveLength(1);
  });

  it("are used for models of LangChain packages", async () => {
    await getRejection(call("http://ollama.example:11434", { HTTP_PROXY: proxy.url }, "ollama:qwen"));
    expect(new Set(proxy.seen)).toEqual(new Set(["POST http://ollama.example:11434/api/chat"]));
  });

  it("are named by a configuration error if they cannot be used", async () => {
    const error = await getRejection(call("http://model.example/v1", { HTTP_PROXY: "socks5://me:hunter2@127.0.0.1:1" }));
    expect(error).toMatchObject({ code: "model_invalid_configuration", message: expect.stringContaining("HTTP_PROXY is not the URL") });
    expect(String(error)).not.toContain("hunter2");
  });
});

describe("OPENAI_BASE_URL", () => {
  it("is the endpoint of models without a base URL, in calls and in errors, and needs no key", async () => {
    const env = { OPENAI_BASE_URL: server.baseUrl };
    expect((await call(null, env)).text).toBe("Through the proxy.");
    server.setHandler(() => ({ status: 400 }));
    expect(await getRejection(call(null, env))).toMatchObject({ details: { endpoint: server.baseUrl } });
  });

  it("does not replace a base URL of the settings", async () => {
    await call(server.baseUrl, { OPENAI_BASE_URL: "http://127.0.0.1:1/v1" });
    expect(server.requests).toHaveLength(1);
  });
});
