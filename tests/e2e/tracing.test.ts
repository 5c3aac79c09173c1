import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { parseAbstentions } from "../../src/dataset/conversation-row.js";
import { runCli } from "../support/cli.js";
import { respondWithFailures, expectTraceWithFailures } from "../support/eventful-endpoint.js";
import { type LangSmithServer, getRefusedUrl, startLangSmithServer } from "../support/langsmith-server.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { readRows } from "../support/rows.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const secret = "lsv2_pt_planted0123456789abcdef_0123456789";
const key = "sk-planted-0123456789abcdefghij";
const tracingTo = (url: string) => ({
  LANGSMITH_TRACING: "true",
  LANGSMITH_ENDPOINT: url,
  LANGSMITH_API_KEY: secret,
  LANGSMITH_PROJECT: "jobs",
  OPENAI_API_KEY: key,
});
const seeds = (count: number) =>
  files.write(Array.from({ length: count }, (_, index) => JSON.stringify({ instruction: `Why is ${index} odd?` })).join("\n"));

function received(server: LangSmithServer): string {
  return JSON.stringify([server.requests.map(({ url, fields }) => ({ url, fields })), server.getRuns(), server.getFeedback()]);
}

describe("a job's traces", () => {
  it("sends one trace per conversation, with reviews as feedback on the answers and without secrets", async () => {
    const [langsmith, endpoint] = [await startLangSmithServer(), await startOpenAiServer()];
    const output = files.path("traced");
    const args = ["generate", await seeds(2), "--output", output, "--model", "openai:test", "--base-url", endpoint.baseUrl, "--experiment", "first"];
    const { code, stderr } = await runCli(args, { env: tracingTo(langsmith.url) });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const rows = await readRows(join(output, "conversations.jsonl"));
    for (const row of rows) {
      const runs = langsmith.getRuns().filter((run) => run.extra.metadata.thread_id === row.id);
      const roots = runs.filter((run) => !run.parent_run_id);
      expect(roots.map(({ name }) => name)).toEqual([row.seed.instruction]);
      expect(roots[0]?.extra.metadata).toMatchObject({ experiment: "first" });
      const calls = runs.filter((run) => run.run_type === "llm").map(({ name }) => name);
      const reviewed = (turn: number) => ["accuracy", "depth", "usefulness"].map((name) => `review: ${name} turn ${turn}`);
      expect(calls.sort()).toEqual(
        [1, 2]
          .flatMap((turn) => [`candidate turn ${turn}`, `chairman turn ${turn}`, ...reviewed(turn)])
          .concat("candidate turn 3")
          .sort(),
      );
      const answers = row.turns.map((turn) => turn.calls.find((call) => call.caller === "candidate")?.runId);
      expect(runs.map(({ id }) => id)).toEqual(expect.arrayContaining(answers));
      const feedback = langsmith.getFeedback().filter(({ run_id: run }) => run === answers[0]);
      // Five scores and a verdict of each of three reviewers.
      expect(feedback).toHaveLength(18);
    }
    for (const planted of [secret, key]) expect(received(langsmith)).not.toContain(planted);
    for (const name of await readdir(output))
      for (const planted of [secret, key]) expect(await readFile(join(output, name), "latin1")).not.toContain(planted);
    await Promise.all([langsmith.close(), endpoint.close()]);
  });

  it("labels a retried call and an abstention in traces", async () => {
    const [langsmith, endpoint] = [await startLangSmithServer(), await startOpenAiServer(respondWithFailures)];
    const output = files.path("eventful");
    const { code, stderr } = await runCli(
      ["generate", await seeds(1), "--output", output, "--model", "openai:test", "--base-url", endpoint.baseUrl],
      {
        env: tracingTo(langsmith.url),
      },
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const [row] = await readRows(join(output, "conversations.jsonl"));
    expect(row?.turns.slice(0, 1).flatMap(parseAbstentions)).toMatchObject([{ reviewer: "usefulness", code: "response_invalid" }]);
    await expectTraceWithFailures(langsmith, row?.id ?? "");
    await Promise.all([langsmith.close(), endpoint.close()]);
  });

  it("sends nothing to LangSmith unless tracing is on", async () => {
    const langsmith = await startLangSmithServer();
    const { code } = await runCli(["run", "Hi.", "--turns", "2"], { env: { ...tracingTo(langsmith.url), LANGSMITH_TRACING: "false" } });
    expect(code).toBe(0);
    expect(langsmith.requests).toEqual([]);
    await langsmith.close();
  });

  it("traces a sample of conversations, each as a whole", async () => {
    const langsmith = await startLangSmithServer();
    const args = ["generate", await seeds(12), "--output", files.path("sampled"), "--trace-sample", "0.5"];
    expect((await runCli(args, { env: tracingTo(langsmith.url) })).code).toBe(0);
    const runs = langsmith.getRuns();
    const threads = new Set(runs.map((run) => run.extra.metadata.thread_id));
    expect(threads.size).toBeGreaterThan(0);
    expect(threads.size).toBeLessThan(12);
    expect(runs.filter((run) => run.run_type === "llm")).toHaveLength(threads.size * 11);
    await langsmith.close();
  });

  it.each(["refused", "hang", 500, 401] as const)("finishes the job and prints one line when LangSmith answers with %s", async (fault) => {
    const langsmith = fault === "refused" ? null : await startLangSmithServer(fault);
    const output = files.path(`fault-${fault}`);
    const env = tracingTo(langsmith?.url ?? (await getRefusedUrl()));
    const { code, stderr } = await runCli(["generate", await seeds(3), "--output", output, "--trace-flush", "1"], { env });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/LangSmith did not get .*traces/);
    expect(stderr).not.toContain(secret);
    expect(await readRows(join(output, "conversations.jsonl"))).toHaveLength(3);
    await langsmith?.close();
  });
});

describe("push langsmith", () => {
  it("uploads every conversation once, however often the command runs", async () => {
    const langsmith = await startLangSmithServer();
    const output = files.path("pushed");
    await runCli(["generate", await seeds(5), "--output", output, "--turns", "2"]);
    const args = ["push", "langsmith", output, "--dataset", "odd", "--batch-size", "2", "--splits", "train=0.5,test=0.5"];
    const env = { LANGSMITH_ENDPOINT: langsmith.url, LANGSMITH_API_KEY: secret };
    for (const said of ["5 uploaded", "5 already there"]) {
      const { code, stderr } = await runCli(args, { env });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stderr).toContain(said);
    }
    expect(langsmith.getExamples("odd")).toHaveLength(5);
    await langsmith.close();
  });

  it("says which key or option is missing", async () => {
    const { code, stderr } = await runCli(["push", "langsmith", files.path("nowhere"), "--dataset", "odd"], {
      env: { LANGSMITH_API_KEY: secret, LANGSMITH_ENDPOINT: await getRefusedUrl() },
    });
    expect(code).toBe(1);
    expect(stderr).not.toContain(secret);
  });
});
