import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { request as forward } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { parseAbstentions } from "../../src/dataset/conversation-row.js";
import { runCli } from "../support/cli.js";
import { getGenerateArgs, createJobFiles, readJobRows } from "../support/job-files.js";
import { type FailedResponse, startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, range, readFailures } from "../support/rows.js";

const files = createJobFiles();
const { createFolderPath, writeSeeds } = files;

describe("configuration errors", () => {
  const faults: [name: string, fault: FailedResponse, said: string][] = [
    [
      "a quota that is used up",
      { status: 429, body: { error: { message: "You exceeded your quota", code: "insufficient_quota" } } },
      "out of credit",
    ],
    ["a model that is not there", { status: 404, body: { error: { message: "no such model" } } }, "Check the model's name"],
    ["a path that leads elsewhere", { status: 308, headers: { location: "/v2/chat/completions" } }, "the base URL"],
    ["an account without credit", { status: 402, body: { error: { message: "Insufficient balance" } } }, "out of credit"],
    ["an account that is not active", { status: 429, body: { error: { message: "Not active", code: "billing_not_active" } } }, "out of credit"],
    ["a quota of the day", { status: 429, body: { error: { message: "Limit reached: free-models-per-day" } } }, "free-models-per-day"],
    ["a wait of hours", { status: 429, headers: { "retry-after": "20000" }, body: "Come back tomorrow" }, "Come back tomorrow"],
    ["a key that was revoked", { status: 401, body: { error: { message: "Key revoked" } } }, "Key revoked"],
  ];
  const whose = ["candidate", "reviewer"] as const;
  it.each(faults.flatMap((fault) => whose.map((role) => [...fault, role] as const)))(
    "stops the job resumably and marks nobody as failed: %s",
    async (_name, fault, said, role) => {
      const server = await startOpenAiServer((request) => (request.role === role && request.index >= 2 ? fault : undefined));
      const output = createFolderPath();
      const args = [...getGenerateArgs(server, await writeSeeds(4), output), "--concurrency", "1"];
      const { code, stderr } = await runCli(args);
      expect({ code, stderr }).toMatchObject({ code: 3 });
      for (const text of [said, role, server.baseUrl, "The same command continues"]) expect(stderr).toContain(text);
      expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
      server.setHandler(() => undefined);
      expect(await runCli(args)).toMatchObject({ code: 0 });
      const rows = await readJobRows(output);
      expect(getSeedIndexes(rows)).toEqual(range(4));
      expect(rows.flatMap(({ turns }) => turns.flatMap(parseAbstentions))).toEqual([]);
      await server.close();
    },
  );

  it("stops the job even if the error concerns only one reviewer", async () => {
    const server = await startOpenAiServer(({ body }) => (body.model === "mistyped" ? { status: 404 } : undefined));
    const output = createFolderPath();
    const config = await files.write("panel: [{ name: a, focus: x }, { name: b, focus: y }, { name: c, focus: z, model: openai:mistyped }]", "yaml");
    const { code, stderr } = await runCli([...getGenerateArgs(server, await writeSeeds(2), output), "--config", config]);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    for (const text of ['reviewer "c"', "openai:mistyped", "Check the model's name"]) expect(stderr).toContain(text);
    expect(await readJobRows(output)).toEqual([]);
    await server.close();
  });
});

describe("settings that no call can work with", () => {
  /** Starts a job of four seeds whose requests all get this response. Nothing may be marked as failed, or take minutes. */
  async function expectStop(said: readonly string[], fault: FailedResponse | null, getBaseUrl: (url: string) => string = (url) => url) {
    const server = await startOpenAiServer(() => fault ?? undefined);
    const output = createFolderPath();
    const seeds = await writeSeeds(4);
    const { code, stderr } = await runCli(getGenerateArgs({ ...server, baseUrl: getBaseUrl(server.baseUrl) }, seeds, output));
    expect({ code, stderr }).toMatchObject({ code: 3 });
    for (const text of said) expect(stderr).toContain(text);
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    expect(await runCli(getGenerateArgs(server, seeds, output))).toMatchObject({ code: fault ? 3 : 0 });
    await server.close();
  }

  it.each<[string, FailedResponse, string[]]>([
    ["a parameter", { status: 400, body: { error: { message: "Unsupported parameter: top_k" } } }, ["top_k", "every request with these settings"]],
    ["a model", { status: 404, body: { error: { message: "model not found" } } }, ["model not found", "Check the model's name"]],
    ["a web page", { status: 200, headers: { "content-type": "text/html" }, body: "<p>Welcome</p>" }, ["Welcome", "/v1"]],
    ["an error text with status 200", { status: 200, body: { error: "Unexpected endpoint" } }, ["Unexpected endpoint", "/v1"]],
  ])("stop the job at once: %s", (_name, fault, said) => expectStop(said, fault));

  it("stop the job at once: an unknown host", () => expectStop(["ENOTFOUND", "check the host name"], null, () => "http://no-such-host.invalid/v1"));

  it("stop the job within seconds: a port where no server listens", () =>
    expectStop(["ECONNREFUSED", "host and port"], null, () => "http://127.0.0.1:9/v1"));

  it("stop the job at once: http:// for a server's https", () => expectStop(["use http://"], null, (url) => url.replace("http:", "https:")));
});

describe("a certificate of one's own authority", () => {
  const hasOpenSsl = spawnSync("openssl", ["version"]).status === 0;

  it.skipIf(!hasOpenSsl)("stops the job at once and names NODE_EXTRA_CA_CERTS, which works", async () => {
    const [key, certificate] = [files.path("key.pem"), files.path("certificate.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate, ...subject];
    await promisify(execFile)("openssl", args);
    const plain = await startOpenAiServer();
    const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (request, response) => {
      const { port } = new URL(plain.baseUrl);
      const { method, url, headers } = request;
      request.pipe(
        forward({ host: "127.0.0.1", port, method, path: url, headers }, (answer) =>
          answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)),
        ),
      );
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    const output = createFolderPath();
    const command = getGenerateArgs({ ...plain, baseUrl: `https://127.0.0.1:${address.port}/v1` }, await writeSeeds(2), output);
    const { code, stderr } = await runCli(command);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    for (const text of ["self-signed certificate", "NODE_EXTRA_CA_CERTS"]) expect(stderr).toContain(text);
    expect(await runCli(command, { env: { NODE_EXTRA_CA_CERTS: certificate } })).toMatchObject({ code: 0 });
    server.close();
    server.closeAllConnections();
    await plain.close();
  });
});

describe("a full disk under the usage ledger", () => {
  const mount = (...args: string[]) => promisify(execFile)("mount", args);

  // Only root may mount a file system.
  it.skipIf(process.getuid?.() !== 0)("stops the job when the usage ledger cannot be written, and fails no conversation", async () => {
    const server = await startOpenAiServer();
    const [output, disk] = [createFolderPath(), createFolderPath()];
    await Promise.all([mkdir(output), mkdir(disk)]);
    await mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", disk);
    try {
      await writeFile(join(disk, "filler"), Buffer.alloc(4096));
      await symlink(join(disk, "usage.jsonl"), join(output, "usage.jsonl"));
      const args = [...getGenerateArgs(server, await writeSeeds(4), output), "--concurrency", "4"];
      const { code, stderr } = await runCli(args);
      expect({ code, stderr }).toMatchObject({ code: 3 });
      for (const text of ["cannot write to", "usage.jsonl", "The same command continues"]) expect(stderr).toContain(text);
      expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
      await mount("-o", "remount,size=1m", disk);
      expect(await runCli(args)).toMatchObject({ code: 0 });
      expect(getSeedIndexes(await readJobRows(output))).toEqual(range(4));
    } finally {
      await promisify(execFile)("umount", [disk]);
      await server.close();
    }
  });
});

describe("an error at the start", () => {
  const nowhere = "postgres://127.0.0.1:9/none";

  it("exits with 3 when the database does not answer", async () => {
    const output = createFolderPath();
    const args = ["generate", await writeSeeds(1), "--output", output];
    const { code, stderr } = await runCli([...args, "--checkpoint", nowhere]);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stderr).toContain(nowhere);
    expect(await runCli(args)).toMatchObject({ code: 0 });
  });

  it("prints one line when several reviewers meet the same error", async () => {
    const server = await startOpenAiServer(({ role }) => (role === "reviewer" ? { status: 401 } : undefined));
    const { code, stderr } = await runCli(["run", "Hi.", "--model", "openai:test", "--base-url", server.baseUrl]);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stderr).toContain("OPENAI_API_KEY");
    expect(stderr).not.toMatch(/^ +at /m);
    await server.close();
  });
});
