import { describe, expect, it } from "vitest";

import { createDispatcher, describeProxies, usesProxy } from "../../../src/models/dispatcher.js";
import { ProviderConfigurationError } from "../../../src/models/provider.js";

const proxy = "http://proxy.example:3128";
const both = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };

describe("usesProxy", () => {
  it.each<[string, Record<string, string>, boolean]>([
    ["https://api.openai.com/v1", {}, false],
    ["https://api.openai.com/v1", both, true],
    ["http://gpu.example:8000/v1", both, true],
    ["https://api.openai.com/v1", { https_proxy: proxy }, true],
    ["https://api.openai.com/v1", { HTTPS_PROXY: "" }, false],
    ["https://api.openai.com/v1", { HTTP_PROXY: proxy }, false],
    ["http://gpu.example:8000/v1", { HTTPS_PROXY: proxy }, false],
    ["https://api.openai.com/v1", { ...both, NO_PROXY: "*" }, false],
    ["https://api.openai.com/v1", { ...both, NO_PROXY: "openai.com" }, false],
    ["https://api.openai.com/v1", { ...both, NO_PROXY: ".openai.com" }, false],
    ["https://api.openai.com/v1", { ...both, no_proxy: "a.example, *.OpenAI.com" }, false],
    ["https://notopenai.com/v1", { ...both, NO_PROXY: "openai.com" }, true],
    ["http://gpu.example:8000/v1", { ...both, NO_PROXY: "gpu.example:8000" }, false],
    ["http://gpu.example:8001/v1", { ...both, NO_PROXY: "gpu.example:8000" }, true],
    ["https://gpu.example/v1", { ...both, NO_PROXY: "gpu.example:443" }, false],
    ["http://10.0.0.5:8000/v1", { ...both, NO_PROXY: "10.0.0.5" }, false],
    ["http://[fd00::1]:8000/v1", { ...both, NO_PROXY: "[fd00::1]:8000" }, false],
    ["http://[fd00::1]:8000/v1", { ...both, NO_PROXY: "fd00::1" }, false],
    ["http://127.0.0.1:8000/v1", both, false],
    ["http://localhost:8000/v1", both, false],
    ["http://[::1]:8000/v1", both, false],
    ["http://model.localhost:8000/v1", both, false],
    ["http://127.0.0.1:8000/v1", { ...both, NO_PROXY: "<-loopback>" }, true],
    ["http://127.example:8000/v1", both, true],
  ])("decides for %s with %j: %s", (url, env, expected) => {
    expect(usesProxy(url, env)).toBe(expected);
  });
});

describe("describeProxies", () => {
  it.each<[Record<string, string>, string | null]>([
    [{}, null],
    [{ NO_PROXY: "*" }, null],
    [{ HTTPS_PROXY: "http://me:hunter2@proxy.example:3128" }, "Requests go through the proxy http://proxy.example:3128 (HTTPS_PROXY)."],
    [
      { http_proxy: "proxy.example:3128", HTTPS_PROXY: proxy, NO_PROXY: "a.example,b.example" },
      "Requests go through the proxy http://proxy.example:3128 (http_proxy, HTTPS_PROXY), except to a.example, b.example (NO_PROXY).",
    ],
  ])("describes %j without credentials", (env, expected) => {
    expect(describeProxies(env)).toBe(expected);
  });

  it.each(["socks5://proxy.example:1080", "http://", "::"])("throws for %j, naming the variable and not its value", (value) => {
    expect(() => describeProxies({ https_proxy: value })).toThrow(ProviderConfigurationError);
    expect(() => createDispatcher({ https_proxy: value })).toThrow("https_proxy is not the URL of an HTTP proxy");
  });
});
