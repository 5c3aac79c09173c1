import { execFile } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
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
