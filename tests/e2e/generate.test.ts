import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { openCheckpointer } from "../../src/checkpoints/open-checkpointer.js";
import { type CliResult, runCli } from "../support/cli.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { getSeedIndexes, readFailures, readRows } from "../support/rows.js";
import { isSqliteMissing } from "../support/sqlite.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
let folders = 0;
const createFolderPath = () => files.path(`out-${++folders}`);

const seeds = (count: number) =>
  files.write(
    Array.from({ length: count }, (_, index) =>
      JSON.stringify({ instruction: `Explain step ${index} of making bread.`, ...(index % 3 === 0 && { input: `Note ${index}` }) }),
    ).join("\n"),
  );

const withoutSqlite = await isSqliteMissing();

describe("generate with the offline model", () => {
  it("writes a valid row for every seed, with its input, and prints where the rows are", async () => {
    const output = createFolderPath();
    const { code, stderr, stdout } = await runCli(["generate", await seeds(6), "--output", output]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("for trying things out, not for training");
    expect(stderr).toContain(join(output, "conversations.jsonl"));
    const rows = await readRows(join(output, "conversations.jsonl"));
    expect(getSeedIndexes(rows)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const row of rows) {
      expect(row.models).toEqual({
        candidate: "offline",
        chairman: "offline",
        reviewers: ["accuracy", "depth", "usefulness"].map((reviewer) => ({ reviewer, model: "offline" })),
      });
      expect(row.messages.map((message) => message.role)).toEqual(["user", "assistant", "user", "assistant", "user", "assistant"]);
      expect(row.messages[0]?.content).toBe([row.seed.instruction, row.seed.input].filter(Boolean).join("\n\n"));
      expect(row.turns.map((turn) => turn.reviews.length)).toEqual([3, 3, 0]);
      expect(row.usage.calls).toBe(11);
    }
  });

  it("writes the same rows when it runs again", async () => {
    const file = await seeds(4);
    const [a, b] = [createFolderPath(), createFolderPath()];
    await runCli(["generate", file, "--output", a]);
    await runCli(["generate", file, "--output", b, "--concurrency", "1"]);
    const byId = async (folder: string) => Object.fromEntries((await readRows(join(folder, "conversations.jsonl"))).map((row) => [row.id, row]));
    expect(await byId(a)).toEqual(await byId(b));
  });

  it.skipIf(withoutSqlite)("deletes checkpoints of finished conversations unless --keep-checkpoints is set", async () => {
    const file = await seeds(3);
    const [plain, kept] = [createFolderPath(), createFolderPath()];
    await runCli(["generate", file, "--output", plain]);
    await runCli(["generate", file, "--output", kept, "--keep-checkpoints"]);
    const threads = async (folder: string) => {
      const { saver, close } = await openCheckpointer(`sqlite:${join(folder, "checkpoints.sqlite")}`);
      const rows = await readRows(join(folder, "conversations.jsonl"));
      const found = await Promise.all(rows.map((row) => saver.getTuple({ configurable: { thread_id: row.id } })));
      await close();
      return found.filter(Boolean).length;
    };
    expect(await threads(plain)).toBe(0);
    expect(await threads(kept)).toBe(3);
  });
});

describe("generate against an endpoint", () => {
  it("puts every critique word for word into the chairman's request", async () => {
    const server = await startOpenAiServer();
    const output = createFolderPath();
    const { code, stderr } = await runCli(["generate", await seeds(5), "--output", output, "--model", "openai:test", "--base-url", server.baseUrl]);
    await server.close();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(server.requests).toHaveLength(5 * 11);
    const asked = server.requests
      .filter(({ role }) => role === "chairman")
      .map(({ body }) => body.messages.map((message) => message.content).join("\n"));
    const rows = await readRows(join(output, "conversations.jsonl"));
    const critiques = rows.flatMap((row) => row.turns.flatMap((turn) => turn.reviews.map((review) => review.critique)));
    expect(critiques).toHaveLength(5 * 2 * 3);
    for (const critique of critiques) expect(asked.filter((request) => request.includes(critique))).toHaveLength(1);
  });

  it("prints how often which reviewer abstained", async () => {
    const server = await startOpenAiServer(({ role, body }) =>
      role === "reviewer" && JSON.stringify(body.messages).includes("Usefulness and creativity:") ? { content: "I would rather not." } : undefined,
    );
    const args = ["--output", createFolderPath(), "--model", "openai:test", "--base-url", server.baseUrl];
    const { code, stderr } = await runCli(["generate", await seeds(2), ...args]);
    await server.close();
    expect(code).toBe(0);
    expect(stderr).toContain("abstained 4 times in this run's conversations (usefulness 4)");
  });

  it("writes a failure row with code, turn, raw text and attempts, exits with 2, and retries with --retry-failed", async () => {
    const broken = (content: string) => content.includes("step 1 ");
    const server = await startOpenAiServer(({ role, body }) =>
      role === "candidate" && broken(JSON.stringify(body.messages)) ? { content: "" } : undefined,
    );
    const output = createFolderPath();
    const args = ["generate", await seeds(3), "--output", output, "--model", "openai:test", "--base-url", server.baseUrl];
    const first = await runCli(args);
    expect(first.code).toBe(2);
    expect(first.stderr).toContain("1 failed");
    expect(first.stderr).toMatch(/1 failed with response_empty: \S+ \S+/);
    const failures = await readFailures(join(output, "failures.jsonl"));
    expect(failures).toMatchObject([{ seed: { index: 1 }, code: "response_empty", turn: 1, rawText: "", attempts: 3 }]);
    server.setHandler(() => undefined);
    const paid = server.requests.length;
    expect((await runCli(args)).code).toBe(2);
    expect(server.requests).toHaveLength(paid);
    expect((await runCli([...args, "--retry-failed"])).code).toBe(0);
    await server.close();
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
    expect(await readRows(join(output, "conversations.jsonl"))).toHaveLength(3);
  });

  it("writes a row that ends with the last complete answer when a later turn does not fit the model's context", async () => {
    const message = "This model's maximum context length is 4096 tokens. However, you requested 4200 tokens.";
    const server = await startOpenAiServer(({ role, body }) =>
      role === "candidate" && body.messages.filter((sent) => sent.role === "user").length === 3 ? { status: 400, body: { message } } : undefined,
    );
    const output = createFolderPath();
    const args = ["generate", await seeds(2), "--output", output, "--model", "openai:test", "--base-url", server.baseUrl, "--turns", "4"];
    const { code, stderr } = await runCli(args);
    await server.close();
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("2 stopped before their last turn") });
    const rows = await readRows(join(output, "conversations.jsonl"));
    for (const row of rows) {
      expect(row).toMatchObject({ earlyStop: "context_overflow", earlyStopMessage: expect.stringContaining(message.slice(0, -1)) });
      expect(row.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
      expect(row.turns.map(({ verdict, reviews }) => [verdict === "none", reviews.length])).toEqual([
        [false, 3],
        [false, 3],
      ]);
    }
    expect(await readFailures(join(output, "failures.jsonl"))).toEqual([]);
  });

  it("keeps unusable responses of reviewers in the failure row when the quorum is missed", async () => {
    const server = await startOpenAiServer(({ role }) => (role === "reviewer" ? { content: "I would rather not judge." } : undefined));
    const output = createFolderPath();
    const args = ["generate", await seeds(1), "--output", output, "--model", "openai:test", "--base-url", server.baseUrl];
    expect((await runCli(args)).code).toBe(2);
    await server.close();
    const said = expect.stringContaining("I would rather not judge.");
    expect(await readFailures(join(output, "failures.jsonl"))).toMatchObject([{ code: "quorum_not_met", turn: 1, rawText: said, attempts: 9 }]);
  });

  it("stops at a wrong key and names endpoint and role, never the key", async () => {
    const server = await startOpenAiServer(() => ({ status: 401, body: { error: { message: "bad key sk-very-secret-0123456789" } } }));
    const output = createFolderPath();
    const { code, stderr } = await runCli(
      ["generate", await seeds(20), "--output", output, "--model", "openai:test", "--base-url", server.baseUrl, "--concurrency", "2"],
      {
        env: { OPENAI_API_KEY: "sk-very-secret-0123456789" },
      },
    );
    await server.close();
    expect(code).toBe(3);
    expect(stderr).toContain(server.baseUrl);
    expect(stderr).toContain("candidate");
    expect(stderr).toContain("OPENAI_API_KEY");
    expect(server.requests.length).toBeLessThanOrEqual(4);
    const written = await Promise.all((await readdir(output)).map((name) => readFile(join(output, name), "latin1")));
    for (const text of [stderr, ...written]) expect(text).not.toContain("sk-very-secret");
  });
});

describe("bad input", () => {
  const cases: [name: string, content: string | null, ...said: string[]][] = [
    ["a missing file", null, "nowhere.jsonl"],
    ["text that is not JSON", "hello", 'starts with "hello"'],
    ["a row without instruction", '{"instruction":"x"}\n{"prompt":"y"}', "line 2", "instruction"],
    ["an empty instruction", '{"instruction":"  "}', "line 1", "instruction"],
    ["an instruction that is not text", '[{"instruction":"x"},{"instruction":7}]', "row 2", "instruction"],
  ];
  it.each(cases)("refuses %s with file, row and field", async (_name, content, ...said) => {
    const file = content === null ? files.path("nowhere.jsonl") : await files.write(content);
    const output = createFolderPath();
    const { code, stderr } = await runCli(["generate", file, "--output", output]);
    expect(code).toBe(1);
    for (const text of [file, ...said]) expect(stderr).toContain(text);
    await expect(readdir(output)).rejects.toThrow("ENOENT");
  });

  it("reads a seed file with byte order mark and CRLF", async () => {
    const output = createFolderPath();
    const { code } = await runCli(["generate", await files.write('\uFEFF{"instruction":"a"}\r\n{"instruction":"b"}\r\n'), "--output", output]);
    expect(code).toBe(0);
    expect(await readRows(join(output, "conversations.jsonl"))).toHaveLength(2);
  });

  it("skips bad rows with --skip-invalid, and lists and counts them", async () => {
    const output = createFolderPath();
    const { code, stderr } = await runCli([
      "generate",
      await files.write('{"instruction":"a"}\n{"no":1}\nnot json\n{"instruction":"b"}'),
      "--output",
      output,
      "--skip-invalid",
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain("2 rows");
    expect(stderr).toContain("line 2");
    expect(stderr).toContain("line 3");
    expect(getSeedIndexes(await readRows(join(output, "conversations.jsonl")))).toEqual([0, 3]);
  });

  const flags: [name: string, args: string[], said: string][] = [
    ["an unknown flag", ["--turn", "3"], "--turn"],
    ["a word for a number", ["--turns", "many"], "--turns"],
    ["an unknown mode", ["--mode", "two_reviews"], "multi_review"],
    ["a bad URL", ["--base-url", "ftp://x"], "baseUrl"],
    ["a key instead of a variable name", ["--api-key-env", "sk-123"], "apiKeyEnv"],
    ["an unknown provider", ["--model", "llama:7b"], "openai:"],
  ];
  it.each(flags)("refuses the flag with %s", async (_name, args, said) => {
    const { code, stderr } = await runCli(["generate", await seeds(1), "--output", createFolderPath(), ...args]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(said);
  });

  it("names an unknown setting in the config file", async () => {
    const config = await files.write("turns: 2\ncandidate:\n  temprature: 0.5\n", "yaml");
    const { code, stderr } = await runCli(["generate", await seeds(1), "--output", createFolderPath(), "--config", config]);
    expect(code).toBe(1);
    expect(stderr).toContain("temprature");
  });
});

describe("one folder, one job", () => {
  const readFileRows = (output: string) => readFile(join(output, "conversations.jsonl"), "utf8");

  it("skips finished conversations of an existing folder", async () => {
    const output = createFolderPath();
    const args = ["generate", await seeds(3), "--output", output];
    await runCli([...args, "--limit", "2"]);
    const before = await readFileRows(output);
    const { stderr }: CliResult = await runCli(args);
    expect(stderr).toContain("3 of 3 finished (2 by earlier runs)");
    expect((await readFileRows(output)).startsWith(before)).toBe(true);
    expect((await runCli([...args, "--limit", "1"])).stderr).toContain("1 of 1 finished (1 by earlier runs)");
  });

  it("refuses a folder of other settings or seeds and prints the difference", async () => {
    const output = createFolderPath();
    const file = await seeds(2);
    await runCli(["generate", file, "--output", output]);
    const before = await readFileRows(output);
    const settings = await runCli(["generate", file, "--output", output, "--turns", "4"]);
    expect(settings.code).toBe(1);
    expect(settings.stderr).toContain("settings.turns: was 3, is 4");
    await writeFile(file, '{"instruction":"another"}');
    const other = await runCli(["generate", file, "--output", output]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("seeds: was");
    expect(await readFileRows(output)).toBe(before);
  });
});
