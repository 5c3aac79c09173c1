import { createHash } from "node:crypto";

import { v5 as createUuid } from "@langchain/core/utils/uuid";
import { Client } from "langsmith";
import { z } from "zod";

import type { Env } from "../env.js";
import { InputError, ReviewInstructError } from "../errors.js";
import { type Redactor, createRedactor } from "../redaction.js";
import { getLangSmithAccess } from "./langsmith-env.js";

/** What an upload needs of a row of `conversations.jsonl`; whatever else a row holds is passed over. */
const DatasetRow = z.object({
  id: z.string().min(1),
  seed: z.object({ index: z.int().optional() }).optional(),
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })).min(1),
  turns: z
    .array(
      z.object({
        turn: z.int(),
        evolution: z.string(),
        verdict: z.string().nullable(),
        reviews: z.array(z.unknown()),
        abstentions: z.array(z.unknown()),
      }),
    )
    .default([]),
  fingerprint: z.string().optional(),
  models: z.record(z.string(), z.unknown()).optional(),
  earlyStop: z.object({ reason: z.string() }).nullish(),
});
type DatasetRow = z.infer<typeof DatasetRow>;

/** Counts of rows. */
export interface PushProgress {
  readonly read: number;
  readonly uploaded: number;
  /** Were in the dataset already. */
  readonly skipped: number;
}

export interface PushDatasetOptions {
  /** Where LANGSMITH_API_KEY, LANGSMITH_ENDPOINT and LANGSMITH_WORKSPACE_ID are looked up. */
  readonly env: Env;
  /** Name of the dataset; made where there is none. */
  readonly dataset: string;
  readonly description?: string;
  /** Rows of `conversations.jsonl`; read only as fast as they are uploaded. */
  readonly rows: AsyncIterable<unknown>;
  /** Rows an upload. Default 100. */
  readonly chunkSize?: number;
  /** Shares of splits, adding up to 1, e.g. `{ train: 0.9, test: 0.1 }`. A conversation always falls into the same one. Default: none. */
  readonly splits?: Readonly<Record<string, number>>;
  readonly onProgress?: (progress: PushProgress) => void;
}

type Example = NonNullable<Parameters<Client["uploadExamplesMultipart"]>[1]>[number];

const namespace = "0c2f7d52-9a1e-4c5d-8f57-6c1f7a1d2e90";

/**
 * Uploads conversations as examples of a LangSmith dataset: all before the last response is the input, the last response the
 * reference output, the record of the turns and what led to them metadata. Example ids follow from dataset and conversation,
 * so that an upload that was cut short, or made twice, adds only what is missing. Throws `InputError` for a bad row, bad
 * splits and a missing key, and a `ReviewInstructError` `langsmith_upload_failed` when LangSmith does not take a chunk.
 */
export async function pushDataset(options: PushDatasetOptions): Promise<PushProgress> {
  const { env, dataset, rows, chunkSize = 100, splits, onProgress } = options;
  const splitOf = createSplitter(splits);
  // Only known secrets: what merely looks like one may be the subject of a conversation.
  const scrubber = createRedactor(env, { shapes: false });
  const client = clientFor(env);
  const datasetId = await withLangSmithErrors(`find or make the dataset "${dataset}"`, scrubber, () => findDataset(client, options));
  const counts = { read: 0, uploaded: 0, skipped: 0 };
  for await (const chunk of chunks(rows, chunkSize)) {
    const first = counts.read + 1;
    const examples = new Map(
      chunk.map((row, offset) => toExample(parseRow(row, first + offset), datasetId, splitOf)).map((example) => [example.id, example]),
    );
    counts.read += chunk.length;
    await withLangSmithErrors(`take rows ${first} to ${counts.read}`, scrubber, async () => {
      for await (const { id } of client.listExamples({ datasetId, exampleIds: [...examples.keys()], select: ["id"], excludeDefaultFields: true }))
        examples.delete(id);
      const missing = scrubber.redactValue([...examples.values()]).value;
      if (missing.length > 0) await client.uploadExamplesMultipart(datasetId, missing);
    });
    counts.uploaded += examples.size;
    counts.skipped += chunk.length - examples.size;
    onProgress?.({ ...counts });
  }
  return counts;
}

function clientFor(env: Env): Client {
  const access = getLangSmithAccess(env);
  if (access.apiKey === undefined)
    throw new InputError("LANGSMITH_API_KEY is not set: an upload to LangSmith needs a key", { field: "LANGSMITH_API_KEY" });
  return new Client({ ...access, disablePromptCache: true });
}

async function findDataset(client: Client, { dataset, description }: PushDatasetOptions): Promise<string> {
  const exists = await client.hasDataset({ datasetName: dataset });
  const { id } = exists ? await client.readDataset({ datasetName: dataset }) : await client.createDataset(dataset, { description, dataType: "kv" });
  return id;
}

function toExample(row: DatasetRow, datasetId: string, splitOf: (id: string) => string | undefined): Example & { id: string } {
  const { id, seed, messages, turns, fingerprint, models, earlyStop } = row;
  const answered = messages.findLastIndex(({ role }) => role === "assistant");
  const response = messages[answered];
  return {
    id: createUuid(`${datasetId} ${id}`, namespace),
    inputs: { messages: response ? messages.slice(0, answered) : messages },
    ...(response ? { reference_outputs: { message: response } } : {}),
    metadata: {
      conversation: id,
      ...(seed?.index === undefined ? {} : { seed: seed.index }),
      ...(fingerprint === undefined ? {} : { settings: fingerprint }),
      ...(models === undefined ? {} : { models }),
      early_stop: earlyStop?.reason ?? null,
      turn_count: turns.length,
      evolutions: turns.map(({ evolution }) => evolution),
      verdicts: turns.map(({ verdict }) => verdict),
      turns,
    },
    split: splitOf(id),
  };
}

function parseRow(row: unknown, number: number): DatasetRow {
  const { data, error } = DatasetRow.safeParse(row);
  if (data) return data;
  const [issue] = error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new InputError(`row ${number} is no conversation: ${field}: ${issue?.message}. Rows must be those of conversations.jsonl`, {
    row: number,
    field,
  });
}

/** Puts an id into a split by its hash, in the order the splits were given. */
function createSplitter(splits: Readonly<Record<string, number>> = {}): (id: string) => string | undefined {
  const shares = Object.entries(splits);
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  if (shares.some(([, share]) => !(share > 0)) || (shares.length > 0 && Math.abs(sum - 1) > 1e-6)) {
    throw new InputError(`the shares of the splits must be above 0 and add up to 1, not ${sum}`, { field: "splits" });
  }
  return (id) => {
    let place = createHash("sha256").update(id).digest().readUIntBE(0, 6) / 2 ** 48;
    return shares.find(([, share], index) => (place -= share) < 0 || index === shares.length - 1)?.[0];
  };
}

async function* chunks(rows: AsyncIterable<unknown>, size: number): AsyncGenerator<unknown[]> {
  let chunk: unknown[] = [];
  for await (const row of rows) {
    chunk.push(row);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

async function withLangSmithErrors<T>(what: string, scrubber: Redactor, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const reason = scrubber.redactText(error instanceof Error ? error.message : String(error));
    const message = `LangSmith did not ${what}: ${reason} Run the same command again: what arrived is passed over.`;
    throw new ReviewInstructError("langsmith_upload_failed", message, {}, { cause: error });
  }
}
