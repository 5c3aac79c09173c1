import { createHash } from "node:crypto";

import { v5 as createUuid } from "@langchain/core/utils/uuid";
import { Client } from "langsmith";

import { ConversationRow, parseAbstentions } from "../dataset/conversation-row.js";
import type { Env } from "../env.js";
import { InputError, ReviewInstructError, getErrorMessage } from "../errors.js";
import { type Redactor, createRedactor } from "../redaction.js";
import { getClientConfig } from "./langsmith-env.js";

/** Counts of rows. */
export interface PushProgress {
  readonly read: number;
  readonly uploaded: number;
  /** Rows that the dataset already had. */
  readonly skipped: number;
}

export interface PushDatasetOptions {
  /** Has LANGSMITH_API_KEY, LANGSMITH_ENDPOINT and LANGSMITH_WORKSPACE_ID. */
  readonly env: Env;
  /** Name of the dataset, which is created if it does not exist. */
  readonly dataset: string;
  readonly description?: string;
  /** Rows of `conversations.jsonl`. They are read only as fast as they are uploaded. */
  readonly rows: AsyncIterable<unknown>;
  /**
   * Rows per upload.
   *
   * @default 100
   */
  readonly batchSize?: number;
  /**
   * Ratios of the splits, which add up to 1, e.g. `{ train: 0.9, test: 0.1 }`. A conversation always gets the same split.
   *
   * @default No splits
   */
  readonly splits?: Readonly<Record<string, number>>;
  readonly onProgress?: (progress: PushProgress) => void;
}

type Example = NonNullable<Parameters<Client["uploadExamplesMultipart"]>[1]>[number];
type AssignSplit = (id: string) => string | undefined;

const namespace = "0c2f7d52-9a1e-4c5d-8f57-6c1f7a1d2e90";

/**
 * Uploads conversations as examples of a LangSmith dataset.
 *
 * Everything before the last response is the input, and the last response is the reference output. The record of the turns is
 * metadata. Example ids follow from dataset and conversation, so that a repeated upload adds only what is missing.
 *
 * @throws {InputError} For an invalid row, invalid splits or a missing key.
 * @throws {ReviewInstructError} Code `langsmith_upload_failed`, if LangSmith does not accept a batch.
 */
export async function pushDataset(options: PushDatasetOptions): Promise<PushProgress> {
  const { env, dataset, rows, batchSize = 100, splits, onProgress } = options;
  const assignSplit = createSplitter(splits);
  // Only known secrets are hidden: a text that merely looks like one may be the subject of a conversation.
  const redactor = createRedactor(env, { patterns: false });
  const client = createClient(env);
  const datasetId = await withLangSmithErrors(`find or make the dataset "${dataset}"`, redactor, () => findOrCreateDataset(client, options));
  const counts = { read: 0, uploaded: 0, skipped: 0 };
  for await (const batch of toBatches(rows, batchSize)) {
    const first = counts.read + 1;
    const batchExamples = batch.map((row, index) => toExample(parseRow(row, first + index), datasetId, assignSplit));
    const examples = new Map(batchExamples.map((example) => [example.id, example]));
    counts.read += batch.length;
    await withLangSmithErrors(`take rows ${first} to ${counts.read}`, redactor, async () => {
      const query = { datasetId, exampleIds: [...examples.keys()], select: ["id" as const], excludeDefaultFields: true };
      for await (const { id } of client.listExamples(query)) examples.delete(id);
      const missing = redactor.redactValue([...examples.values()]).value;
      if (missing.length > 0) await client.uploadExamplesMultipart(datasetId, missing);
    });
    counts.uploaded += examples.size;
    counts.skipped += batch.length - examples.size;
    onProgress?.({ ...counts });
  }
  return counts;
}

function createClient(env: Env): Client {
  const config = getClientConfig(env);
  if (config.apiKey === undefined) {
    throw new InputError("LANGSMITH_API_KEY is not set: an upload to LangSmith needs a key", { field: "LANGSMITH_API_KEY" });
  }
  return new Client({ ...config, disablePromptCache: true });
}

async function findOrCreateDataset(client: Client, { dataset, description }: PushDatasetOptions): Promise<string> {
  const exists = await client.hasDataset({ datasetName: dataset });
  const { id } = exists ? await client.readDataset({ datasetName: dataset }) : await client.createDataset(dataset, { description, dataType: "kv" });
  return id;
}

function toExample(row: ConversationRow, datasetId: string, assignSplit: AssignSplit): Example & { id: string } {
  const { id, seed, messages, turns, fingerprint, models, earlyStop } = row;
  const responseIndex = messages.findLastIndex(({ role }) => role === "assistant");
  const response = messages[responseIndex];
  return {
    id: createUuid(`${datasetId} ${id}`, namespace),
    inputs: { messages: response ? messages.slice(0, responseIndex) : messages },
    ...(response ? { reference_outputs: { message: response } } : {}),
    metadata: {
      conversation: id,
      seed: seed.index,
      settings: fingerprint,
      models: { ...models, reviewers: Object.fromEntries(models.reviewers.map(({ reviewer, model }) => [reviewer, model])) },
      early_stop: earlyStop || null,
      turn_count: turns.length,
      evolutions: turns.map(({ evolution }) => evolution),
      verdicts: turns.map(({ verdict }) => verdict),
      // Without the calls, which say nothing about the conversation.
      turns: turns.map((turn) => ({
        turn: turn.turn,
        evolution: turn.evolution,
        verdict: turn.verdict,
        reviews: turn.reviews,
        abstentions: parseAbstentions(turn),
      })),
    },
    split: assignSplit(id),
  };
}

function parseRow(row: unknown, rowNumber: number): ConversationRow {
  const { data, error } = ConversationRow.safeParse(row);
  if (data) return data;
  const [issue] = error.issues;
  const field = issue?.path.join(".") ?? "";
  const message = `row ${rowNumber} is not a conversation: ${field === "" ? "" : `${field}: `}${issue?.message}. Rows must be those of conversations.jsonl`;
  throw new InputError(message, { row: rowNumber, field });
}

/** Creates a function that assigns an id to a split by its hash. */
function createSplitter(splits: Readonly<Record<string, number>> = {}): AssignSplit {
  const ratios = Object.entries(splits);
  const sum = ratios.reduce((total, [, ratio]) => total + ratio, 0);
  if (ratios.some(([, ratio]) => !(ratio > 0)) || (ratios.length > 0 && Math.abs(sum - 1) > 1e-6)) {
    throw new InputError(`the shares of the splits must be above 0 and add up to 1, not ${sum}`, { field: "splits" });
  }
  return (id) => {
    let position = createHash("sha256").update(id).digest().readUIntBE(0, 6) / 2 ** 48;
    return ratios.find(([, ratio], index) => (position -= ratio) < 0 || index === ratios.length - 1)?.[0];
  };
}

async function* toBatches(rows: AsyncIterable<unknown>, size: number): AsyncGenerator<unknown[]> {
  let batch: unknown[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function withLangSmithErrors<T>(action: string, redactor: Redactor, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const reason = redactor.redactText(getErrorMessage(error));
    const message = `LangSmith did not ${action}: ${reason} Run the same command again: rows that arrived are skipped.`;
    throw new ReviewInstructError("langsmith_upload_failed", message, {}, { cause: error });
  }
}
