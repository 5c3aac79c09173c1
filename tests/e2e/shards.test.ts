import { describe, expect, it } from "vitest";

import { runCli } from "../support/cli.js";
import { getGenerateArgs, createJobFiles } from "../support/job-files.js";
import { startOpenAiServer } from "../support/openai-server.js";

const files = createJobFiles();
const { createFolderPath, writeSeeds } = files;

describe("two shards of a job", () => {
  it("keep together below the token cap by the server's count, and print their part", async () => {
    let counted = 0;
    const server = await startOpenAiServer(() => {
      counted += 490;
      return { usage: { prompt_tokens: 400, completion_tokens: 90 } };
    });
    const config = await files.write("candidate: { maxOutputTokens: 300 }\nchairman: { maxOutputTokens: 300 }\n", "yaml");
    const cap = 50_001;
    const args = [...getGenerateArgs(server, await writeSeeds(20), createFolderPath()), "--config", config, "--max-tokens", `${cap}`];
    const shards = await Promise.all(["1/2", "2/2"].map((shard) => runCli([...args, "--shard", shard])));
    await server.close();
    for (const { code, stderr } of shards) {
      expect(code).toBe(3);
      expect(stderr).toContain("part of what the job may spend: 25,000 tokens");
      expect(stderr).toContain("25000 tokens, this shard's part of maxTokens");
    }
    expect(counted).toBeLessThanOrEqual(cap);
    expect(counted).toBeGreaterThan(cap / 2);
    const none = await runCli([...args, "--max-tokens", "1", "--shard", "1/2"]);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("leaves none for each of 2 shards") });
  });

  it("count only their own seeds in progress, summary and estimate, also with skipped rows", async () => {
    const valid = [0, 1, 3, 5].map((index) => [index, JSON.stringify({ instruction: `Why is ${index} a number?` })] as const);
    const lines = Object.assign(Array<string>(6).fill('{"no":1}'), Object.fromEntries(valid));
    const args = ["generate", await files.write(lines.join("\n")), "--skip-invalid"];
    const run = (shard: string, ...more: string[]) => runCli([...args, "--output", createFolderPath(), "--shard", shard, ...more]);
    expect((await run("1/2")).stderr).toContain("2 of 2 finished");
    expect((await run("2/2")).stderr).toContain("2 of 2 finished");
    const { stderr } = await run("2/2", "--json-progress");
    const totals = stderr.split("\n").flatMap((line) => /"total":(\d+)/.exec(line)?.[1] ?? []);
    expect(new Set(totals)).toEqual(new Set(["2"]));
    expect((await run("2/2", "--dry-run")).stdout).toMatch(/^2 conversations[^]*\b22\b/);
  });
});
