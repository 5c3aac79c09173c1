import { expect, it } from "vitest";

import { logNetworkNotices } from "../../../src/cli/output/network-notice.js";
import { InputError } from "../../../src/errors.js";

const proxy = { HTTPS_PROXY: "http://me:hunter2@proxy.example:3128" };
const openai = { model: "openai:gpt-4o", baseUrl: null };
const offline = { model: "offline", baseUrl: null };
const local = { model: "openai:qwen", baseUrl: "http://127.0.0.1:8000/v1" };

it.each([
  ["nothing without variables", [openai], {}, []],
  ["nothing for the offline model", [offline], { ...proxy, OPENAI_BASE_URL: "http://127.0.0.1:1/v1" }, []],
  ["the proxy", [openai, openai], proxy, ["Requests go through the proxy http://proxy.example:3128 (HTTPS_PROXY)."]],
  ["no proxy that no endpoint uses", [local], { HTTP_PROXY: "http://proxy.example:3128" }, []],
  [
    "the base URL once, without its query",
    [openai, openai, local],
    { OPENAI_BASE_URL: "http://gpu.example/v1?key=secret" },
    ["OPENAI_BASE_URL is set: models without a base URL are called at http://gpu.example/v1."],
  ],
  ["a base URL that is ignored", [openai], { OPENAI_BASE_URL: "gpu.example" }, ["warning: OPENAI_BASE_URL is not an http(s) URL and is ignored"]],
])("logs %s", (_name, models, env, expected) => {
  const lines: string[] = [];
  const logger = { info: (text: string) => lines.push(text), warn: (text: string) => lines.push(`warning: ${text}`), error: expect.fail };
  logNetworkNotices(models, env, logger);
  expect(lines).toEqual(expected);
});

it("throws for a proxy that cannot be used", () => {
  const logger = { info: expect.fail, warn: expect.fail, error: expect.fail };
  expect(() => logNetworkNotices([openai], { HTTPS_PROXY: "socks5://me:hunter2@x" }, logger)).toThrow(InputError);
});
