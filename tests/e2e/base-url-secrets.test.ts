import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { exitCodes } from "../../src/cli/exit-codes.js";
import { type CliResult, runCli } from "../support/cli.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { isSqliteMissing } from "../support/sqlite.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const seeds = () => files.write(JSON.stringify({ instruction: "Why is the sky blue?" }));

/** Everything that a run printed and everything that its folder holds. */
async function everywhere(output: string, ...results: CliResult[]): Promise<[string, string][]> {
  const names = await readdir(output);
  const kept = await Promise.all(names.map(async (name): Promise<[string, string]> => [name, await readFile(join(output, name), "latin1")]));
  return [
    ...kept,
    ...results.flatMap(({ stdout, stderr }): [string, string][] => [
      ["stdout", stdout],
      ["stderr", stderr],
    ]),
  ];
}

const withoutSqlite = await isSqliteMissing();

describe("a key in the query of the base URL", () => {
  it.skipIf(withoutSqlite)("sends a key in the base URL's query to the endpoint, and writes it nowhere", async () => {
    const server = await startOpenAiServer();
    const output = files.path("query");
    await mkdir(output);
    const fixed = ["--output", output, "--model", "openai:test", "--trace-file", join(output, "traces.jsonl"), "--keep-checkpoints"];
    const jobWith = (key: string, ...more: string[]) => [...fixed, "--base-url", `${server.baseUrl}?api-version=2&api-key=${key}`, ...more];
    const file = await seeds();
    const dry = await runCli(["generate", file, ...jobWith("planted-0001", "--dry-run")]);
    const first = await runCli(["generate", file, ...jobWith("planted-0001")]);
    expect([dry.code, first.code]).toEqual([exitCodes.ok, exitCodes.ok]);
    const again = await runCli(["generate", file, ...jobWith("planted-0001")]);
    expect(again.code).toBe(exitCodes.ok);
    const other = await runCli(["generate", file, ...jobWith("planted-0002")]);
    expect(other.code).toBe(exitCodes.ok);
    expect(other.stderr).toContain("by earlier runs");

    expect(new Set(server.requests.map(({ url }) => url))).toEqual(new Set(["/v1/chat/completions?api-version=2&api-key=planted-0001"]));
    const places = await everywhere(output, dry, first, again, other);
    const names = places.map(([name]) => name);
    for (const name of ["manifest.json", "conversations.jsonl", "checkpoints.sqlite", "traces.jsonl"]) expect(names).toContain(name);
    for (const [name, text] of places) expect(text, name).not.toContain("planted");
    await server.close();
  });

  it("redacts a key in the query from what the endpoint says", async () => {
    const server = await startOpenAiServer(({ body, url }) =>
      JSON.stringify(body).includes("sky") ? { status: 400, body: { error: { message: `cannot POST ${url}` } } } : undefined,
    );
    const output = files.path("echo");
    const endpoint = ["--model", "openai:test", "--base-url", `${server.baseUrl}?api-key=planted%2F0003&sig=planted-0004`];
    const result = await runCli(["generate", await seeds(), "--output", output, "--trace-file", files.path("echo.jsonl"), ...endpoint]);
    expect(result.code).toBe(exitCodes.partialFailure);
    const places = await everywhere(output, result);
    expect(places.find(([name]) => name === "failures.jsonl")?.[1]).toContain("cannot POST /v1/chat/completions?api-key=[secret]");
    const traced = await readFile(files.path("echo.jsonl"), "latin1");
    expect(traced).toContain("cannot POST");
    for (const [name, text] of [...places, ["trace", traced]]) expect(text, name).not.toContain("planted");
    await server.close();
  });
});

describe("credentials in the base URL", () => {
  it.each([
    ["generate", (file: string) => ["generate", file, "--output", files.path("refused")]],
    ["run", () => ["run", "Hi."]],
  ])("refuses credentials in the base URL of %s before anything is written", async (_command, args) => {
    const { code, stdout, stderr } = await runCli([
      ...args(await seeds()),
      "--model",
      "openai:test",
      "--base-url",
      "http://me:planted@127.0.0.1:9/v1",
    ]);
    expect(code).toBe(exitCodes.error);
    expect(stderr).toMatch(/baseUrl: must hold no credentials.*environment variable/);
    expect(stdout + stderr).not.toContain("planted");
    await expect(readdir(files.path("refused"))).rejects.toThrow("ENOENT");
  });
});
