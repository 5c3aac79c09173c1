import { readdir } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { runCli } from "../support/cli.js";
import { getGenerateArgs, createJobFiles } from "../support/job-files.js";
import { startOpenAiServer } from "../support/openai-server.js";

const files = createJobFiles();
const { createFolderPath, writeSeeds } = files;

describe("messages of a job", () => {
  const objectsIn = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));

  it("prints warnings and errors as JSON with --json-progress, whatever goes wrong", async () => {
    const json = async (file: string, ...flags: string[]) => {
      const { code, stderr } = await runCli(["generate", file, "--output", createFolderPath(), "--json-progress", ...flags]);
      return { code, lines: objectsIn(stderr) };
    };
    const doubtful = await json(await files.write('{"instruction":"a"}\n{"no":1}'), "--skip-invalid");
    expect(doubtful.code).toBe(0);
    expect(doubtful.lines).toContainEqual({ type: "warning", message: expect.stringContaining("1 rows") });
    const error = (said: string) => ({ type: "error", message: expect.stringContaining(said) });
    const mistyped = await json(await writeSeeds(1), "--no-such-flag");
    expect(mistyped).toMatchObject({ code: 1, lines: expect.arrayContaining([error("no-such-flag")]) });
    const refused = await json(await writeSeeds(1), "--base-url", "ftp://x");
    expect(refused).toMatchObject({ code: 1, lines: expect.arrayContaining([error("baseUrl")]) });
    const server = await startOpenAiServer(() => ({ status: 401 }));
    const { code, lines } = await json(await writeSeeds(1), "--model", "openai:test", "--base-url", server.baseUrl);
    await server.close();
    expect(code).toBe(3);
    expect(lines).toContainEqual(expect.objectContaining({ type: "summary", pending: 1, stopped: "model_unauthorized" }));
    expect(lines.at(-1)).toEqual(error("OPENAI_API_KEY"));
  });

  it("prints calls, tokens and cost of a dry run without spending anything", async () => {
    const server = await startOpenAiServer();
    const output = createFolderPath();
    const { code, stdout } = await runCli([...getGenerateArgs(server, await writeSeeds(10), output), "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toContain("all ");
    expect(stdout).toMatch(/\b110\b/);
    expect(stdout).toContain("unknown");
    expect(server.requests).toHaveLength(0);
    await expect(readdir(output)).rejects.toThrow("ENOENT");
    await server.close();
  });

  it("prints JSON progress with --json-progress and nothing with --quiet", async () => {
    const file = await writeSeeds(2);
    const { stderr } = await runCli(["generate", file, "--output", createFolderPath(), "--json-progress"]);
    const lines = objectsIn(stderr);
    expect(lines.at(-1)).toMatchObject({ type: "summary", total: 2, finished: 2, failed: 0, pending: 0, stopped: null, usage: { calls: 22 } });
    expect(lines.at(-2)).toMatchObject({ type: "progress", total: 2, finished: 2, active: 0 });
    expect((await runCli(["generate", file, "--output", createFolderPath(), "--quiet"])).stderr).toBe("");
  });
});
