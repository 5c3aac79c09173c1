import { afterEach, beforeEach, expect, test } from "vitest";

import { InputError, ReviewInstructError } from "../../src/errors.js";
import { type PushDatasetOptions, type PushProgress, pushDataset } from "../../src/tracing/push-dataset.js";
import { createConversationRow, createRowId } from "../support/conversation-row.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { createTracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeEach(async () => {
  server = await startLangSmithServer();
});
afterEach(() => server.close());

async function* streamRows(rows: readonly unknown[]) {
  yield* rows;
}

const rows = Array.from({ length: 5 }, (_, index) => createConversationRow(index));

/** Pushes the five rows in batches of two. */
function push(options: Partial<PushDatasetOptions> = {}) {
  return pushDataset({ env: createTracingEnv(server.url), dataset: "talks", rows: streamRows(rows), batchSize: 2, ...options });
}

test("a conversation becomes an example with its record as metadata", async () => {
  const progress: PushProgress[] = [];
  expect(await push({ onProgress: (counts) => progress.push(counts) })).toEqual({ read: 5, uploaded: 5, skipped: 0 });
  expect(progress.map(({ uploaded }) => uploaded)).toEqual([2, 4, 5]);
  const example = server.getExamples("talks").find(({ metadata }) => metadata.conversation === createRowId(0));
  expect(example).toMatchObject({
    inputs: { messages: rows[0]?.messages.slice(0, 3) },
    outputs: { message: { role: "assistant", content: "Answer 0." } },
  });
  expect(example?.metadata).toMatchObject({
    seed: 0,
    settings: "0123456789abcdef",
    models: { candidate: "openai:m", reviewers: { depth: "openai:m" } },
    turn_count: 2,
    early_stop: null,
    evolutions: ["seed", "depth"],
    verdicts: ["negative", "none"],
    turns: [{ turn: 1, evolution: "seed", verdict: "negative", reviews: [{ critique: "Why?" }], abstentions: [] }, { turn: 2 }],
  });
  expect(JSON.stringify(example)).not.toContain("runId");
});

test("a conversation gets the same split whatever else is uploaded", async () => {
  const splits = { train: 0.6, test: 0.4 };
  await push({ splits });
  const manyRows = Array.from({ length: 300 }, (_, index) => createConversationRow(index));
  await push({ dataset: "many", rows: streamRows(manyRows), batchSize: 100, splits });
  const examples = server.getExamples("many");
  const trainCount = examples.filter(({ split }) => split === "train").length;
  expect(trainCount).toBeGreaterThan(140);
  expect(trainCount).toBeLessThan(220);
  const splitsById = new Map(examples.map(({ metadata, split }) => [metadata.conversation, split]));
  for (const { metadata, split } of server.getExamples("talks")) expect(split).toBe(splitsById.get(metadata.conversation));
});

test("a conversation that stopped early has the reason in its metadata", async () => {
  await push({ rows: streamRows([createConversationRow(0, { earlyStop: "stopped_by_human", earlyStopMessage: "Enough." })]) });
  expect(server.getExamples("talks")[0]?.metadata.early_stop).toBe("stopped_by_human");
});

test("a repeated upload adds nothing, and a repeated row is one example", async () => {
  expect(await push({ rows: streamRows([...rows, rows[4], rows[0]]), batchSize: 3 })).toMatchObject({ read: 7, uploaded: 5 });
  expect(await push()).toEqual({ read: 5, uploaded: 0, skipped: 5 });
  expect(server.getExamples("talks")).toHaveLength(5);
  await push({ dataset: "others" });
  const getIds = (dataset: string) => server.getExamples(dataset).map(({ id }) => id);
  expect(getIds("others").filter((id) => getIds("talks").includes(id))).toEqual([]);
});

test("an upload that failed continues where it stopped", async () => {
  const failing = push({ onProgress: ({ uploaded }) => uploaded === 2 && server.setMode(401) });
  await expect(failing).rejects.toThrow(ReviewInstructError);
  await expect(failing).rejects.toMatchObject({
    code: "langsmith_upload_failed",
    message: expect.stringMatching(/rows 3 to 4: .*401.*Run the same command again/s),
  });
  server.setMode("ok");
  expect(await push()).toEqual({ read: 5, uploaded: 3, skipped: 2 });
});

test("rows are read only as fast as they are uploaded", async () => {
  let readCount = 0;
  async function* countRows() {
    for (const row of rows) {
      readCount += 1;
      yield row;
    }
  }
  const readCounts: number[] = [];
  await push({ rows: countRows(), onProgress: () => readCounts.push(readCount) });
  expect(readCounts).toEqual([2, 4, 5]);
});

test("an invalid row is reported by row and field before its batch is sent", async () => {
  const invalidRow = { ...rows[2], messages: [{ role: "bot" }] };
  await expect(push({ rows: streamRows([rows[0], rows[1], invalidRow]) })).rejects.toThrow(/row 3 .*messages\.0\.role/);
  expect(server.getExamples("talks")).toHaveLength(2);
  const { usage: _, ...incompleteRow } = createConversationRow(0);
  await expect(push({ rows: streamRows([incompleteRow]) })).rejects.toThrow(/row 1 is not a conversation: usage/);
  await expect(push({ rows: streamRows(["text"]) })).rejects.toThrow(InputError);
});

test("a missing key and invalid splits are input errors", async () => {
  await expect(push({ env: {} })).rejects.toThrow(/LANGSMITH_API_KEY is not set/);
  await expect(push({ splits: { train: 0.5, test: 0.4 } })).rejects.toThrow(/add up to 1/);
  await expect(push({ splits: { train: 1.5, test: -0.5 } })).rejects.toThrow(InputError);
});

test("an upload hides known secrets, but not texts that only look like one", async () => {
  const env = createTracingEnv(server.url, { OPENAI_API_KEY: "planted-openai-0002" });
  const content = "My key is planted-openai-0002, yours looks like sk-abcdefgh12345678.";
  await push({ env, rows: streamRows([createConversationRow(0, { messages: [{ role: "assistant", content }] })]) });
  expect(server.getSentText()).not.toContain("planted-openai-0002");
  expect(server.getSentText()).toContain("sk-abcdefgh12345678");
});
