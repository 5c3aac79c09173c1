import { join } from "node:path";

import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { ReviewInstructError } from "../../../src/errors.js";
import type { ConversationRunner } from "../../../src/generation/local-runner.js";
import { getFingerprintInput } from "../../../src/generation/fingerprint.js";
import { type GenerateOptions, generate } from "../../../src/jobs/run-items.js";
import { OutputFolder } from "../../../src/jobs/output-folder.js";
import type { ConversationOutput } from "../../../src/state/conversation.js";
import { Settings } from "../../../src/state/settings.js";
import { indices, readFailures, readRows } from "../../support/rows.js";
import { temporaryFiles } from "../../support/temporary-files.js";

const files = temporaryFiles();
let folders = 0;

const output: ConversationOutput = {
  messages: [new HumanMessage("Why?"), new AIMessage("Because.")],
  turns: [{ turn: 1, userMessageIndex: 0, evolution: "seed", reviews: [], abstentions: [], verdict: null, calls: [] }],
  earlyStop: null,
};
const origin = {
  models: { candidate: "offline", chairman: "offline", reviewers: {} },
  prompts: { candidate: "c/1", reviewer: "r/1", chairman: "h/1" },
  fingerprint: "f",
};

async function* seedsOf(count: number) {
  for (let index = 0; index < count; index++) yield { index, seed: { instruction: `Why ${index}?` } };
}

/** Runs a job of so many seeds in `path`, with a runner that finishes everything unless `runner` says otherwise. */
async function run(path: string, seeds: number, runner: Partial<ConversationRunner> = {}, options: Partial<GenerateOptions> = {}) {
  const folder = await OutputFolder.open(path, { seeds: "s", settings: getFingerprintInput(Settings.parse({})), shards: 1 }, "seeds.jsonl");
  const warnings: string[] = [];
  const whole: ConversationRunner = { run: async () => output, deleteThread: async () => {}, getCurrentTurn: async () => 1, ...runner };
  const onWarning = (message: string) => void warnings.push(message);
  try {
    const result = await generate({ seeds: seedsOf(seeds), runner: whole, folder, origin, concurrency: 2, onWarning, ...options });
    return { result, warnings };
  } finally {
    await folder.close();
  }
}

const freshFolder = () => files.path(`out-${++folders}`);
const readFileRows = async (path: string) => indices(await readRows(join(path, "conversations.jsonl")));
const failuresOf = (path: string) => readFailures(join(path, "failures.jsonl"));

describe("a finished conversation whose thread cannot be deleted", () => {
  const forget = () => Promise.reject(new Error("locked."));

  it("stays finished, and is told of, in this run and the next", async () => {
    const path = freshFolder();
    const first = await run(path, 2, { deleteThread: forget });
    expect(first.result).toMatchObject({ finished: 2, failed: 0, stopped: null });
    expect(first.warnings).toEqual([expect.stringContaining("locked."), expect.stringContaining("locked.")]);
    expect(await readFileRows(path)).toEqual([0, 1]);
    expect(await failuresOf(path)).toEqual([]);
    const next = await run(path, 3, { deleteThread: forget });
    expect(next.result).toMatchObject({ finished: 1, found: 2, failed: 0, stopped: null });
    expect(next.warnings).toHaveLength(3);
  });

  it("stops the job where every other would fare the same", async () => {
    const path = freshFolder();
    const down = new ReviewInstructError("checkpointer_unavailable", "the database is down");
    const { result } = await run(path, 1, { deleteThread: () => Promise.reject(down) });
    expect(result).toMatchObject({ finished: 1, failed: 0, stopped: down });
    expect(await failuresOf(path)).toEqual([]);
  });
});

it("writes the failure of a conversation whose turn cannot be told, and goes on", async () => {
  const path = freshFolder();
  const { result, warnings } = await run(path, 3, {
    run: async ({ index }) => (index === 1 ? Promise.reject(new Error("broken")) : output),
    getCurrentTurn: () => Promise.reject(new Error("unreadable thread")),
  });
  expect(result).toMatchObject({ finished: 2, failed: 1, stopped: null });
  expect(await failuresOf(path)).toMatchObject([{ seed: { index: 1 }, message: "broken", turn: null }]);
  expect(await readFileRows(path)).toEqual([0, 2]);
  expect(warnings).toEqual([expect.stringContaining("unreadable thread")]);
});
