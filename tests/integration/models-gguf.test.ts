import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { dirname, join } from "node:path";

import { afterEach, describe, expect, it } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { loadHubFile } from "../../src/models/gguf/hub-file.js";
import { createServerModelCaller } from "../../src/server/models.js";
import { getRejection } from "../support/get-rejection.js";
import { createModelSettings, createRequest } from "../support/model-requests.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
const reference = { owner: "o", repository: "r", file: "m.gguf" };

interface Hub {
  readonly origin: string;
  readonly seen: string[];
  close(): void;
}

let hub: Hub | undefined;
afterEach(() => hub?.close());

/** Starts a hub that cuts off its first bodies, once their first part can have been written. */
async function startHub({ cuts = 0, status = 200 } = {}): Promise<Hub> {
  const seen: string[] = [];
  let cutsLeft = cuts;
  const server = createServer((request, response) => {
    const { range = "", authorization = "" } = request.headers;
    seen.push([request.url, range, authorization].filter(Boolean).join(" "));
    if (status !== 200) return void response.writeHead(status).end();
    const start = Number(/^bytes=(\d+)-/.exec(range)?.[1] ?? 0);
    if (start >= content.length) return void response.writeHead(416).end();
    response.writeHead(start > 0 ? 206 : 200, { etag: '"v1"', "content-length": content.length - start });
    if (cutsLeft-- <= 0) return void response.end(content.subarray(start));
    response.write(content.subarray(start, start + 50_000), () => setTimeout(() => response.destroy(), 200));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    seen,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe("loadHubFile", () => {
  it("fetches a file once, with the token, and goes on where a download stopped", async () => {
    hub = await startHub({ cuts: 2 });
    const env = { XDG_CACHE_HOME: files.path("cache"), HF_ENDPOINT: hub.origin, HF_TOKEN: "hf_secret-token" };
    const progress: number[] = [];
    const path = await loadHubFile(reference, { env, onProgress: (received) => progress.push(received) });
    expect(await readFile(path)).toEqual(content);
    expect(hub.seen[0]).toBe("/o/r/resolve/main/m.gguf Bearer hf_secret-token");
    expect(hub.seen).toHaveLength(3);
    expect(hub.seen[1]).toMatch(/bytes=\d+-/);
    expect(progress.at(-1)).toBe(content.length);
    expect(await loadHubFile(reference, { env })).toBe(path);
    expect(hub.seen).toHaveLength(3);
  });

  it("fetches a file again whose download was complete when the process was killed", async () => {
    hub = await startHub({});
    const cache = files.path("complete");
    const path = join(cache, "review-instruct/models/o/r/m.gguf");
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.part`, content);
    await writeFile(`${path}.etag`, '"v1"');
    await loadHubFile(reference, { env: { XDG_CACHE_HOME: cache, HF_ENDPOINT: hub.origin } });
    expect(await readFile(path)).toEqual(content);
    expect(hub.seen).toEqual([`/o/r/resolve/main/m.gguf bytes=${content.length}-`, "/o/r/resolve/main/m.gguf"]);
  });

  it.each([
    [404, "HTTP 404"],
    [401, "HTTP 401; set HF_TOKEN"],
  ])("says what a hub answered: %i", async (status, words) => {
    hub = await startHub({ status });
    const env = { XDG_CACHE_HOME: files.path("empty"), HF_ENDPOINT: hub.origin };
    expect(String(await getRejection(loadHubFile(reference, { env })))).toContain(words);
    expect(hub.seen).toHaveLength(1);
  });
});

describe("models of gguf", () => {
  const request = (model: string) => createRequest(null, { settings: createModelSettings(null, { model }) });

  it("are a configuration error if there is no such file", async () => {
    const error = await getRejection(createModelCaller({ env: {} })(request("gguf:missing/model.gguf"), {}));
    expect(error).toMatchObject({ code: "model_invalid_configuration", message: expect.stringContaining("cannot be read (ENOENT: no such file") });
  });

  it("are refused on a server, whatever its operator allows", async () => {
    const path = await files.write("GGUF", "gguf");
    for (const allowed of ["*", ""]) {
      const error = await getRejection(createServerModelCaller({ REVIEW_INSTRUCT_ENDPOINTS: allowed })(request(`gguf:${path}`), {}));
      expect(error).toMatchObject({ code: "model_invalid_configuration", message: expect.stringContaining("for the command line and the library") });
    }
  });
});
