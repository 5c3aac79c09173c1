import { type FileHandle, open } from "node:fs/promises";

import { BaseTracer, type Run } from "@langchain/core/tracers/base";
import { z } from "zod";

import { InputError, getErrorMessage } from "../errors.js";
import { readTextLines } from "../lines.js";
import type { Redactor } from "../redaction.js";
import { type Labels, type RunInfo, RunLabeler } from "./labels.js";
import { awaitHandlers } from "./tracers.js";

/** A line of a trace file: a run that has ended. Times are milliseconds since 1970. */
export const TraceRun = z.object({
  id: z.string(),
  trace: z.string(),
  /** Id of the parent run; null for the root. */
  parent: z.string().nullable(),
  name: z.string(),
  /** `llm` for a model run, `chain` for a node or a graph. */
  type: z.string(),
  /** Tokens of a model run, as the endpoint counted them. */
  tokens: z.object({ input: z.number(), output: z.number() }).nullable(),
  start: z.number(),
  end: z.number(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  inputs: z.unknown(),
  outputs: z.unknown(),
  error: z.string().nullable(),
});
export type TraceRun = z.infer<typeof TraceRun>;

/**
 * A callback handler that writes every ended run to a local JSONL file, redacted, with the same labels as in LangSmith.
 *
 * After a failed write it warns once and writes no more. The conversation continues.
 */
export class TraceFile extends BaseTracer {
  readonly name = "trace_file";
  readonly #labeler = new RunLabeler<Run>();
  #queue: Promise<void> = Promise.resolve();
  #hasFailed = false;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly redactor: Redactor,
    private readonly onWarning: (text: string) => void,
  ) {
    super(awaitHandlers);
  }

  /**
   * Opens a trace file for appending. An incomplete last line is ended first.
   *
   * @throws {InputError} If the file cannot be written.
   */
  static async open(path: string, redactor: Redactor, onWarning: (text: string) => void): Promise<TraceFile> {
    try {
      const file = await open(path, "a+");
      const { size } = await file.stat();
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
      if (size > 0 && buffer.toString() !== "\n") await file.appendFile("\n");
      return new TraceFile(path, file, redactor, onWarning);
    } catch (error) {
      throw new InputError(`cannot write the trace file ${path}: ${getErrorMessage(error)}`, { file: path }, { cause: error });
    }
  }

  override onRunCreate(run: Run): void {
    this.#labeler.startRun(toRunInfo(run));
  }

  override async onRunUpdate(run: Run): Promise<void> {
    for (const completed of this.#labeler.endRun(toRunInfo(run), run)) await this.#write(toTraceRun(completed.run, completed.labels));
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.file.close();
  }

  protected async persistRun(): Promise<void> {}

  /** Writes one line at a time, so that lines cannot mix. */
  #write(run: TraceRun): Promise<void> {
    this.#queue = this.#queue.then(() => this.#append(run));
    return this.#queue;
  }

  async #append(run: TraceRun): Promise<void> {
    if (this.#hasFailed) return;
    try {
      await this.file.appendFile(`${JSON.stringify(this.redactor.redactValue(run).value)}\n`);
    } catch (error) {
      this.#hasFailed = true;
      this.onWarning(`the trace file ${this.path} ends here: ${getErrorMessage(error)}`);
    }
  }
}

/**
 * Reads the runs of a trace file in the order in which they ended. Skips lines that are not a run, e.g. an incomplete one.
 *
 * @param options.conversation Returns only the runs of this conversation.
 * @throws {InputError} If the file cannot be read.
 */
export async function* readTraceFile(path: string, options: { readonly conversation?: string } = {}): AsyncGenerator<TraceRun> {
  const { conversation } = options;
  const file = await open(path).catch((error: unknown) => {
    throw new InputError(`cannot read the trace file ${path}: ${getErrorMessage(error)}`, { file: path }, { cause: error });
  });
  for await (const line of readTextLines(file.createReadStream())) {
    const run = parseLine(line);
    if (run && (conversation === undefined || run.metadata.thread_id === conversation)) yield run;
  }
}

function parseLine(line: string): TraceRun | undefined {
  try {
    return TraceRun.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function toRunInfo({ id, parent_run_id: parentId, name, run_type: type, extra, outputs, error }: Run): RunInfo {
  return { id, parentId, name, type, metadata: extra?.metadata ?? {}, outputs, failed: error !== undefined };
}

function toTraceRun(run: Run, { tags, metadata }: Labels): TraceRun {
  return {
    id: run.id,
    trace: run.trace_id ?? run.id,
    parent: run.parent_run_id ?? null,
    name: run.name,
    type: run.run_type,
    tokens: getTokens(run.outputs),
    start: run.start_time,
    end: run.end_time ?? run.start_time,
    tags: [...new Set([...(run.tags ?? []), ...tags])],
    metadata: { ...run.extra?.metadata, ...metadata },
    inputs: run.inputs ?? null,
    outputs: run.outputs ?? null,
    error: run.error ?? null,
  };
}

const Generations = z.object({
  generations: z.tuple([
    z.tuple([z.object({ message: z.object({ usage_metadata: z.object({ input_tokens: z.number(), output_tokens: z.number() }) }) })]),
  ]),
});

function getTokens(outputs: unknown): TraceRun["tokens"] {
  const usage = Generations.safeParse(outputs).data?.generations[0][0].message.usage_metadata;
  return usage ? { input: usage.input_tokens, output: usage.output_tokens } : null;
}
