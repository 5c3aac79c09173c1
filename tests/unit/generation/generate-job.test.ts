import { readFile } from "node:fs/promises";

import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { expect, it } from "vitest";

import { ReviewInstructError } from "../../../src/errors.js";
import type { ConversationBackend, ConversationRunner, ConversationTask } from "../../../src/generation/conversation-runner.js";
import { type GenerateJobOptions, estimateGenerateJob, runGenerateJob } from "../../../src/generation/generate-job.js";
import { summarizeUsage } from "../../../src/model-calls/budget/usage-summary.js";
import type { ConversationOutput } from "../../../src/state/conversation.js";
import { Settings, type SettingsInput } from "../../../src/state/settings.js";
import { createTemporaryFiles } from "../../support/temporary-files.js";

const files = createTemporaryFiles();
let folders = 0;
const createFolder = () => files.path(`out-${++folders}`);
const writeSeeds = (count: number) =>
  files.write(Array.from({ length: count }, (_, index) => JSON.stringify({ instruction: `Question ${index}?` })).join("\n"));

function createOutput({ index }: ConversationTask): ConversationOutput {
  const abstentions = index === 0 ? [] : [{ reviewer: "depth", code: "model_timeout", reason: "no response" }];
  return {
    messages: [new HumanMessage(`Question ${index}?`), new AIMessage(`Answer ${index}.`)],
    turns: [{ turn: 1, userMessageIndex: 0, evolution: "seed", reviews: [], abstentions, verdict: null, calls: [] }],
    earlyStop: index === 2 ? { reason: "no_valid_instruction", message: "no new instruction" } : null,
  };
}

/** A backend whose methods need their object, as those of a class do. */
class FakeBackend implements ConversationBackend {
  isOpen = true;
  readonly deletedThreads: string[] = [];
  readonly runner: ConversationRunner;

  constructor(runner: Partial<ConversationRunner> = {}) {
    this.runner = {
      run: async (task) => createOutput(task),
      deleteThread: async (id) => void this.deletedThreads.push(id),
      getCurrentTurn: async () => 2,
      ...runner,
    };
  }

  getUsage = () => summarizeUsage(new Map(), {});
  getEndpoints = () => [];
  getCacheStats = () => null;

  close() {
    this.isOpen = false;
  }
}

async function runJob(backend: ConversationBackend, options: Partial<GenerateJobOptions> & { readonly seeds: string }, settings: SettingsInput = {}) {
  return runGenerateJob({
    output: createFolder(),
    toolVersion: "1.2.3",
    settings: Settings.parse(settings),
    openBackend: () => backend,
    ...options,
  });
}

it("runGenerateJob counts turns, early stops and abstentions of the finished conversations", async () => {
  const backend = new FakeBackend();
  const result = await runJob(backend, { seeds: await writeSeeds(4) });
  expect(result).toMatchObject({ finished: 4, failed: 0, total: 4, turns: 4, earlyStops: 1, abstentions: { depth: 3 }, stopped: null });
  expect(backend.isOpen).toBe(false);
});

it("runGenerateJob does not count a conversation whose row cannot be written", async () => {
  const backend = new FakeBackend({
    run: async (task) => {
      const output = createOutput(task);
      return task.index === 1 ? { ...output, turns: output.turns.map((turn) => ({ ...turn, turn: 0 })) } : output;
    },
  });
  const result = await runJob(backend, { seeds: await writeSeeds(2) });
  expect(result).toMatchObject({ finished: 1, failed: 1, turns: 1, abstentions: {} });
});

it("runGenerateJob deletes the threads of finished conversations unless keepCheckpoints is set", async () => {
  const seeds = await writeSeeds(2);
  const [deleting, keeping] = [new FakeBackend(), new FakeBackend()];
  await runJob(deleting, { seeds });
  await runJob(keeping, { seeds, keepCheckpoints: true });
  expect(deleting.deletedThreads).toHaveLength(2);
  expect(keeping.deletedThreads).toEqual([]);
});

it("runGenerateJob writes failures with seed and turn, even if the turn cannot be read", async () => {
  const warnings: string[] = [];
  const backend = new FakeBackend({
    run: async () => {
      throw new ReviewInstructError("response_empty", "no text", { attempts: 3, rawText: "" });
    },
    getCurrentTurn: async () => {
      if (warnings.length === 0) throw new Error("the database is locked");
      return 2;
    },
  });
  const result = await runJob(backend, { seeds: await writeSeeds(2), concurrency: 1, onWarning: (message) => warnings.push(message) });
  expect(result).toMatchObject({ finished: 0, failed: 2, turns: 0 });
  const failures = (await readFile(result.failures, "utf8"))
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(failures).toMatchObject([
    { code: "response_empty", seed: { index: 0, instruction: "Question 0?" }, turn: null, attempts: 3, rawText: "" },
    { code: "response_empty", seed: { index: 1, instruction: "Question 1?" }, turn: 2 },
  ]);
  expect(warnings).toEqual([expect.stringContaining("its turn could not be read: the database is locked")]);
});

it("runGenerateJob continues a folder after an endpoint has moved", async () => {
  const [seeds, output] = [await writeSeeds(3), createFolder()];
  await runJob(new FakeBackend(), { seeds, output }, { model: "openai:m", baseUrl: "http://localhost:8000/v1" });
  const moved = await runJob(new FakeBackend(), { seeds, output }, { model: "openai:m", baseUrl: "http://10.0.0.7/v1", apiKeyEnv: "OTHER_KEY" });
  expect(moved).toMatchObject({ finished: 0, resumed: 3, failed: 0 });
});

it("runGenerateJob refuses a folder with other settings", async () => {
  const [seeds, output] = [await writeSeeds(1), createFolder()];
  await runJob(new FakeBackend(), { seeds, output }, { turns: 2 });
  await expect(runJob(new FakeBackend(), { seeds, output }, { turns: 4 })).rejects.toThrow("settings.turns: was 2, is 4");
});

it("runGenerateJob refuses humanReview before it opens the backend", async () => {
  const options = { seeds: await writeSeeds(1), openBackend: () => expect.fail("opened") };
  await expect(runJob(new FakeBackend(), options, { humanReview: true })).rejects.toMatchObject({
    code: "invalid_input",
    details: { field: "humanReview" },
  });
});

it("estimateGenerateJob counts the seeds of the shard and the limit", async () => {
  const seeds = await writeSeeds(10);
  const settings = Settings.parse({ mode: "single_turn" });
  expect(await estimateGenerateJob({ seeds, settings })).toMatchObject({ items: 10, calls: 10 });
  expect(await estimateGenerateJob({ seeds, settings, limit: 5, shard: { index: 0, of: 2 } })).toMatchObject({ items: 3, calls: 3 });
});
