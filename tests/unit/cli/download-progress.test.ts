import { readFile } from "node:fs/promises";
import { PassThrough } from "node:stream";

import { afterEach, expect, it } from "vitest";

import { loadHubModels } from "../../../src/cli/output/download-progress.js";
import { InputError } from "../../../src/errors.js";
import { ProviderConfigurationError } from "../../../src/models/provider.js";
import { getRejection } from "../../support/get-rejection.js";
import { type HttpServer, startHttpServer } from "../../support/http-server.js";
import { createTemporaryFiles } from "../../support/temporary-files.js";

const files = createTemporaryFiles();
let server: HttpServer | undefined;
afterEach(() => server?.close());

const assertUsable = () => Promise.resolve();
const lines: string[] = [];
const logger = { info: (text: string) => lines.push(text), warn: expect.fail, error: expect.fail };

it("fetches a hub's file once, and says how far it is", async () => {
  server = await startHttpServer(() => ({ body: "x".repeat(3_000_000), headers: { "content-length": "3000000" } }));
  const env = { HF_ENDPOINT: server.origin, XDG_CACHE_HOME: files.path("cache") };
  const models = [{ model: "gguf:hf:o/r/m.gguf" }, { model: "gguf:hf:o/r/m.gguf" }, { model: "offline" }, { model: "gguf:local.gguf" }];
  await loadHubModels(models, { env, logger, stream: null, assertUsable });
  expect(lines[0]).toBe("Fetching hf:o/r/m.gguf ...");
  expect(lines.at(-1)).toBe("  3 of 3 MB (100 %)");
  expect(await readFile(files.path("cache/review-instruct/models/o/r/m.gguf"), "utf8")).toHaveLength(3_000_000);
  const count = lines.length;
  await loadHubModels(models, { env, logger, stream: null, assertUsable });
  expect([lines.length, server.requests.length]).toEqual([count, 1]);
});

it("draws a bar on a terminal, which ends full", async () => {
  server = await startHttpServer(() => ({ body: "x".repeat(3_000_000), headers: { "content-length": "3000000" } }));
  const env = { HF_ENDPOINT: server.origin, XDG_CACHE_HOME: files.path("bar") };
  const stream = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: true });
  const count = lines.length;
  await loadHubModels([{ model: "gguf:hf:o/r/m.gguf" }], { env, logger, stream, assertUsable });
  expect(lines.slice(count)).toEqual(["Fetching hf:o/r/m.gguf ..."]);
  expect(String(stream.read())).toMatch(/100 % \| 3 of 3 MB/);
});

it("fetches nothing where such models cannot run", async () => {
  server = await startHttpServer(() => ({ body: "x" }));
  const env = { HF_ENDPOINT: server.origin, XDG_CACHE_HOME: files.path("unusable") };
  const assertMissing = () => Promise.reject(new ProviderConfigurationError("no package. Install it: npm install node-llama-cpp@3"));
  const error = await getRejection(loadHubModels([{ model: "gguf:hf:o/r/m.gguf" }], { env, logger, stream: null, assertUsable: assertMissing }));
  expect(error).toBeInstanceOf(InputError);
  expect(String(error)).toContain("npm install node-llama-cpp@3");
  expect(server.requests).toEqual([]);
});

it("throws what the hub says", async () => {
  server = await startHttpServer(() => ({ status: 404, body: {} }));
  const env = { HF_ENDPOINT: server.origin, XDG_CACHE_HOME: files.path("empty") };
  const error = await getRejection(loadHubModels([{ model: "gguf:hf:o/r/m.gguf" }], { env, logger, stream: null, assertUsable }));
  expect(error).toBeInstanceOf(InputError);
  expect(String(error)).toContain("m.gguf cannot be fetched (HTTP 404)");
});
