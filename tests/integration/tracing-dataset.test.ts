import { afterEach, beforeEach, expect, test } from "vitest";

import { InputError, ReviewInstructError } from "../../src/errors.js";
import { type PushProgress, pushDataset } from "../../src/tracing/push-dataset.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { tracingEnv } from "../support/traced-conversation.js";

let server: LangSmithServer;
beforeEach(async () => {
  server = await startLangSmithServer();
});
afterEach(() => server.close());

/** A row of conversations.jsonl with all that an upload takes from one. */
function row(index: number, text = `Answer ${index}.`) {
  const review = {
    reviewer: "depth",
    scores: { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 },
    verdict: "negative",
    critique: "Why?",
  };
  const turn = { turn: 1, evolution: "seed", reviews: [review], abstentions: [], verdict: "negative", calls: [] };
  return {
    id: `conversation-${index}`,
    seed: { index, instruction: "Explain." },
    messages: [
      { role: "user", content: "Explain." },
      { role: "assistant", content: "So it is." },
      { role: "user", content: "And why?" },
      { role: "assistant", content: text },
    ],
    turns: [turn, { ...turn, turn: 2, evolution: "depth", reviews: [], verdict: null }],
    fingerprint: "0123456789abcdef",
    models: { candidate: "openai:m" },
    earlyStop: null,
    usage: { calls: 3 },
  };
}

async function* readFileRows(rows: readonly unknown[]) {
  yield* rows;
}

const rows = Array.from({ length: 5 }, (_, index) => row(index));

function push(options: Partial<Parameters<typeof pushDataset>[0]> = {}) {
  return pushDataset({ env: tracingEnv(server.url), dataset: "talks", rows: readFileRows(rows), chunkSize: 2, ...options });
}

test("conversations become examples, with what led to them and in splits that stay the same", async () => {
  const progress: PushProgress[] = [];
  const splits = { train: 0.6, test: 0.4 };
  expect(await push({ splits, onProgress: (counts) => progress.push(counts) })).toEqual({ read: 5, uploaded: 5, skipped: 0 });
  expect(progress.map(({ uploaded }) => uploaded)).toEqual([2, 4, 5]);
  const examples = server.examples("talks");
  const first = examples.find((example) => example.metadata.conversation === "conversation-0");
  expect(first).toMatchObject({
    inputs: { messages: rows[0]?.messages.slice(0, 3) },
    outputs: { message: { role: "assistant", content: "Answer 0." } },
    metadata: {
      seed: 0,
      settings: "0123456789abcdef",
      models: { candidate: "openai:m" },
      turn_count: 2,
      early_stop: null,
      evolutions: ["seed", "depth"],
    },
  });
  expect(first?.metadata).toMatchObject({ verdicts: ["negative", null], turns: [{ reviews: [{ critique: "Why?" }] }, {}] });
  const many = Array.from({ length: 300 }, (_, index) => row(index));
  await push({ dataset: "many", rows: readFileRows(many), chunkSize: 100, splits });
  const inTrain = server.examples("many").filter(({ split }) => split === "train");
  expect(inTrain.length).toBeGreaterThan(140);
  expect(inTrain.length).toBeLessThan(220);
  const bySplit = new Map(server.examples("many").map(({ metadata, split }) => [metadata.conversation, split]));
  for (const { metadata, split } of examples) expect(split).toBe(bySplit.get(metadata.conversation));
});

test("made twice it adds nothing, and a row that stands twice is one example", async () => {
  expect(await push({ rows: readFileRows([...rows, rows[4], rows[0]]), chunkSize: 3 })).toMatchObject({ read: 7, uploaded: 5 });
  expect(await push()).toEqual({ read: 5, uploaded: 0, skipped: 5 });
  expect(server.examples("talks")).toHaveLength(5);
  await push({ dataset: "others" });
  const ids = (dataset: string) => server.examples(dataset).map(({ id }) => id);
  expect(ids("others").filter((id) => ids("talks").includes(id))).toEqual([]);
});

test("cut short, it says so and goes on where it stopped", async () => {
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
  let read = 0;
  async function* counted() {
    for (const one of rows) {
      read += 1;
      yield one;
    }
  }
  const seen: number[] = [];
  await push({ rows: counted(), onProgress: () => seen.push(read) });
  expect(seen).toEqual([2, 4, 5]);
});

test("what is wrong is said by row and field, before anything of its chunk is sent", async () => {
  await expect(push({ rows: readFileRows([rows[0], rows[1], { ...rows[2], messages: [{ role: "bot" }] }]) })).rejects.toThrow(
    /row 3 .*messages\.0\.role/,
  );
  expect(server.examples("talks")).toHaveLength(2);
  await expect(push({ rows: readFileRows(["text"]) })).rejects.toThrow(InputError);
  await expect(push({ env: {} })).rejects.toThrow(/LANGSMITH_API_KEY is not set/);
  await expect(push({ splits: { train: 0.5, test: 0.4 } })).rejects.toThrow(/add up to 1/);
  await expect(push({ splits: { train: 1.5, test: -0.5 } })).rejects.toThrow(InputError);
});

test("known secrets stay here; what only looks like one is part of a conversation", async () => {
  const env = tracingEnv(server.url, { OPENAI_API_KEY: "planted-openai-0002" });
  await push({ env, rows: readFileRows([row(0, "My key is planted-openai-0002, yours looks like sk-abcdefgh12345678.")]) });
  expect(server.everything()).not.toContain("planted-openai-0002");
  expect(server.everything()).toContain("sk-abcdefgh12345678");
});
