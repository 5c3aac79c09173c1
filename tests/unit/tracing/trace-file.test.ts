import { appendFile, readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { InputError } from "../../../src/errors.js";
import { openTracing } from "../../../src/tracing/open-tracing.js";
import { type TraceRun, readTraceFile } from "../../../src/tracing/trace-file.js";
import { renderTraceTree } from "../../../src/tracing/trace-tree.js";
import { type ChatScript, defaultChat, createScriptedCaller, createUpstreamError } from "../../support/scripted-chat.js";
import { hostileTexts } from "../../support/hostile-texts.js";
import { temporaryFiles } from "../../support/temporary-files.js";
import { tracedConversation } from "../../support/traced-conversation.js";

const files = temporaryFiles();

/** Writes a conversation each into the file, without LangSmith. */
async function write(traceFile: string, ids: readonly string[], options: { script?: ChatScript; sample?: number } = {}): Promise<string[]> {
  const warnings: string[] = [];
  const tracing = await openTracing({ env: {}, traceFile, sample: options.sample, onWarning: (text) => warnings.push(text) });
  for (const id of ids) await tracedConversation(tracing, { id, models: createScriptedCaller(options.script) });
  await tracing.close();
  return warnings;
}

async function read(path: string, conversation?: string): Promise<TraceRun[]> {
  const runs: TraceRun[] = [];
  for await (const run of readTraceFile(path, { conversation })) runs.push(run);
  return runs;
}

test("holds every run of a conversation with labels, texts and tokens, without any service", async () => {
  const path = files.path("whole.jsonl");
  const script: ChatScript = (model, call) => (model === "candidate" && call === 1 ? createUpstreamError() : defaultChat(model, call));
  expect(await write(path, ["one"], { script })).toEqual([]);
  const runs = await read(path);
  const root = runs.at(-1);
  expect(root).toMatchObject({ name: "seed of one", parent: null, error: null });
  expect(new Set(runs.map((run) => run.trace))).toEqual(new Set([root?.id]));
  const review = runs.find((run) => run.name === "review: depth turn 2");
  expect(review?.tags).toEqual(expect.arrayContaining(["conversation:one", "seed:7", "reviewer:depth", "turn:2", "verdict:positive"]));
  expect(review?.tokens).toEqual({ input: 20, output: expect.any(Number) });
  expect(JSON.stringify(review?.outputs)).toContain("depth finds nothing missing");
  const [failed, answered] = runs.filter((run) => run.name === "candidate turn 1");
  expect(failed?.error).toContain("overloaded");
  expect(answered?.metadata).toMatchObject({ attempt: 2, attempt_reason: "retry" });
  const lines = renderTraceTree(runs).split("\n");
  expect(lines[0]).toMatch(/^seed of one {2}\d/);
  expect(lines.filter((line) => line.includes("review: "))).toHaveLength(6);
  expect(lines.filter((line) => /positive 8\.0 \(usefulness 8/.test(line))).toHaveLength(6);
});

test("is continued after a kill: a torn last line is passed over, and the next one stands by itself", async () => {
  const path = files.path("torn.jsonl");
  await write(path, ["one"]);
  const before = await read(path);
  await appendFile(path, '{"id":"half a li');
  expect(await read(path)).toEqual(before);
  await write(path, ["two"]);
  const after = await read(path);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after).toHaveLength(2 * before.length);
  expect((await read(path, "two")).every((run) => run.metadata.conversation === "two")).toBe(true);
  expect(await read(path, "two")).toHaveLength(before.length);
});

test("is read back whatever a model said", async () => {
  const path = files.path("hostile.jsonl");
  const said = hostileTexts.join(" ");
  await write(path, ["one"], { script: (model, call) => (model === "candidate" ? said : defaultChat(model, call)) });
  const answers = (await read(path)).filter((run) => run.name.startsWith("candidate turn") && run.type === "llm");
  expect(answers).toHaveLength(3);
  for (const { outputs } of answers) expect(JSON.stringify(outputs)).toContain("\u2028\u2029");
});

test("holds the same sample as LangSmith gets", async () => {
  const path = files.path("sample.jsonl");
  await write(path, ["one"], { sample: 0 });
  expect(await readFile(path, "utf8")).toBe("");
});

test.skipIf(process.platform !== "linux")("a disk that is full is told once, and the conversation goes on", async () => {
  const warnings = await write("/dev/full", ["one", "two"]);
  expect(warnings).toEqual([expect.stringMatching(/^the trace file \/dev\/full ends here: ENOSPC/)]);
});

test("a file that cannot be written is told at once; a line that is no run is passed over", async () => {
  await expect(openTracing({ env: {}, traceFile: files.path("no/such/folder.jsonl"), onWarning: () => {} })).rejects.toThrow(InputError);
  await expect(read(files.path("missing.jsonl"))).rejects.toThrow(/cannot read the trace file .*missing/);
  expect(await read(await files.write('\n[]\nnull\n{"id":1}\nnot json\n'))).toEqual([]);
});
