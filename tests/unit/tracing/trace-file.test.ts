import { appendFile, readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { InputError } from "../../../src/errors.js";
import { openTracing } from "../../../src/tracing/open-tracing.js";
import { type TraceRun, readTraceFile } from "../../../src/tracing/trace-file.js";
import { renderTraceTree } from "../../../src/tracing/trace-tree.js";
import { hostileTexts } from "../../support/hostile-texts.js";
import { type ChatScript, defaultChat, createScriptedCaller, createUpstreamError } from "../../support/scripted-chat.js";
import { createTemporaryFiles } from "../../support/temporary-files.js";
import { runTracedConversation } from "../../support/traced-conversation.js";

const files = createTemporaryFiles();

/** Writes one conversation per id into the file, without LangSmith, and returns the warnings. */
async function writeConversations(
  traceFile: string,
  ids: readonly string[],
  options: { script?: ChatScript; sample?: number } = {},
): Promise<string[]> {
  const warnings: string[] = [];
  const tracing = await openTracing({ env: {}, traceFile, sample: options.sample, onWarning: (text) => warnings.push(text) });
  for (const id of ids) await runTracedConversation(tracing, { id, callModel: createScriptedCaller(options.script) });
  await tracing.close();
  return warnings;
}

async function readRuns(path: string, conversation?: string): Promise<TraceRun[]> {
  const runs: TraceRun[] = [];
  for await (const run of readTraceFile(path, { conversation })) runs.push(run);
  return runs;
}

test("a trace file holds every run of a conversation with labels, texts and tokens", async () => {
  const path = files.path("whole.jsonl");
  const script: ChatScript = (model, call) => (model === "candidate" && call === 1 ? createUpstreamError() : defaultChat(model, call));
  expect(await writeConversations(path, ["one"], { script })).toEqual([]);
  const runs = await readRuns(path);
  const root = runs.at(-1);
  expect(root).toMatchObject({ name: "seed of one", parent: null, error: null });
  expect(new Set(runs.map((run) => run.trace))).toEqual(new Set([root?.id]));
  const review = runs.find((run) => run.name === "review: depth turn 2");
  expect(review?.tags).toEqual(expect.arrayContaining(["conversation:one", "seed:7", "reviewer:depth", "turn:2", "verdict:positive"]));
  expect(review?.tokens).toEqual({ input: 20, output: expect.any(Number) });
  expect(JSON.stringify(review?.outputs)).toContain("depth finds nothing missing");
  const [failed, succeeded] = runs.filter((run) => run.name === "candidate turn 1");
  expect(failed?.error).toContain("overloaded");
  expect(succeeded?.metadata).toMatchObject({ attempt: 2, attempt_reason: "retry" });
  const lines = renderTraceTree(runs).split("\n");
  expect(lines[0]).toMatch(/^seed of one {2}\d/);
  expect(lines.filter((line) => line.includes("review: "))).toHaveLength(6);
  expect(lines.filter((line) => /positive 8\.0 \(usefulness 8/.test(line))).toHaveLength(6);
  expect(lines.filter((line) => line.includes("verdict turn"))).toHaveLength(2);
});

test("an incomplete last line is skipped, and the next run starts a new line", async () => {
  const path = files.path("incomplete.jsonl");
  await writeConversations(path, ["one"]);
  const runsBefore = await readRuns(path);
  await appendFile(path, '{"id":"half a li');
  expect(await readRuns(path)).toEqual(runsBefore);
  await writeConversations(path, ["two"]);
  const runsAfter = await readRuns(path);
  expect(runsAfter.slice(0, runsBefore.length)).toEqual(runsBefore);
  expect(runsAfter).toHaveLength(2 * runsBefore.length);
  expect((await readRuns(path, "two")).every((run) => run.metadata.conversation === "two")).toBe(true);
  expect(await readRuns(path, "two")).toHaveLength(runsBefore.length);
});

test("a trace file with hostile model output can be read", async () => {
  const path = files.path("hostile.jsonl");
  const hostileResponse = hostileTexts.join(" ");
  await writeConversations(path, ["one"], { script: (model, call) => (model === "candidate" ? hostileResponse : defaultChat(model, call)) });
  const candidateRuns = (await readRuns(path)).filter((run) => run.name.startsWith("candidate turn") && run.type === "llm");
  expect(candidateRuns).toHaveLength(3);
  for (const { outputs } of candidateRuns) expect(JSON.stringify(outputs)).toContain("\u2028\u2029");
});

test("a trace file holds only the sampled conversations", async () => {
  const path = files.path("sample.jsonl");
  await writeConversations(path, ["one"], { sample: 0 });
  expect(await readFile(path, "utf8")).toBe("");
});

test.skipIf(process.platform !== "linux")("a full disk causes one warning, and the conversations continue", async () => {
  const warnings = await writeConversations("/dev/full", ["one", "two"]);
  expect(warnings).toEqual([expect.stringMatching(/^the trace file \/dev\/full ends here: ENOSPC/)]);
});

test("a trace file that cannot be opened is an input error", async () => {
  await expect(openTracing({ env: {}, traceFile: files.path("no/such/folder.jsonl"), onWarning: () => {} })).rejects.toThrow(InputError);
  await expect(readRuns(files.path("missing.jsonl"))).rejects.toThrow(/cannot read the trace file .*missing/);
});

test("lines that are not a run are skipped", async () => {
  expect(await readRuns(await files.write('\n[]\nnull\n{"id":1}\nnot json\n'))).toEqual([]);
});
