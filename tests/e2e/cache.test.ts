import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { parseAbstentions } from "../../src/dataset/conversation-row.js";
import { bodyKey } from "../support/chaos.js";
import { runCli } from "../support/cli.js";
import { getGenerateArgs, createJobFiles } from "../support/job-files.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, range, readFailures, readRows } from "../support/rows.js";

const files = createJobFiles();
const { createFolderPath, writeSeeds } = files;

describe("a shared cache", () => {
  it("pays only for what differs when an ablation shares the cache", async () => {
    const server = await startOpenAiServer();
    const cache = files.path("ablation-cache");
    const file = await writeSeeds(3);
    await runCli([...getGenerateArgs(server, file, createFolderPath()), "--cache", cache], { env: { OPENAI_API_KEY: "sk-planted-secret" } });
    const paid = server.requests.length;
    const { stderr } = await runCli([...getGenerateArgs(server, file, createFolderPath()), "--cache", cache, "--mode", "no_review", "--turns", "2"]);
    // The first answer is in the cache; without reviews, the chairman and the second answer are not.
    expect(
      server.requests
        .slice(paid)
        .map(({ role }) => role)
        .sort(),
    ).toEqual([...Array<string>(3).fill("candidate"), ...Array<string>(3).fill("chairman")]);
    expect(stderr).toContain("from the cache: 3 of 9");
    expect(new Set(server.requests.map(bodyKey)).size).toBe(server.requests.length);
    const entries = await readdir(cache, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((found) => found.isFile())) {
      expect(await readFile(join(entry.parentPath, entry.name), "utf8")).not.toContain("sk-planted-secret");
    }
    await server.close();
  });

  it("does not return an unusable response from the cache", async () => {
    const server = await startOpenAiServer(({ role }) => (role === "reviewer" ? { content: '{"verdict": "positive"}' } : undefined));
    const output = createFolderPath();
    const args = [...getGenerateArgs(server, await writeSeeds(2), output), "--cache", files.path("cache")];
    expect(await runCli(args)).toMatchObject({ code: 2 });
    expect(await readFailures(join(output, "failures.jsonl"))).toMatchObject([{ code: "quorum_not_met" }, { code: "quorum_not_met" }]);
    server.setHandler(() => undefined);
    const { code, stderr } = await runCli([...args, "--retry-failed"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const rows = await readRows(join(output, "conversations.jsonl"));
    expect(getSeedIndexes(rows)).toEqual(range(2));
    expect(rows.flatMap(({ turns }) => turns.flatMap(parseAbstentions))).toEqual([]);
    await server.close();
  });
});
