import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";
import { z } from "zod";

import { ReviewInstructError } from "../../../src/errors.js";
import type { JobDefinition, JobRunner } from "../../../src/jobs/job-definition.js";
import { type RunJobOptions, runJob } from "../../../src/jobs/run-job.js";
import { createTemporaryFiles } from "../../support/temporary-files.js";

const files = createTemporaryFiles();
let folders = 0;
const createFolder = () => files.path(`out-${++folders}`);

const Row = z.object({ id: z.string(), double: z.number() });
type Row = z.infer<typeof Row>;

async function* countTo(count: number) {
  for (let number = 0; number < count; number++) yield number;
}

/** A job that doubles numbers, unless parts of it say otherwise. */
function createJob(items: number, runner: Partial<JobRunner<number, Row>> = {}, job: Partial<JobDefinition<number, Row>> = {}) {
  const runs: number[] = [];
  const definition: JobDefinition<number, Row> = {
    kind: "double",
    rowsName: "doubles",
    fingerprint: { factor: 2 },
    items: countTo(items),
    getId: (number) => `number-${number}`,
    rowSchema: Row,
    open: () => ({
      run: async (number) => {
        runs.push(number);
        return { id: `number-${number}`, double: 2 * number };
      },
      ...runner,
    }),
    ...job,
  };
  return { definition, runs };
}

const run = (output: string, definition: JobDefinition<number, Row>, options: Partial<RunJobOptions> = {}) =>
  runJob(definition, { output, toolVersion: "1.2.3", ...options });

async function readIds(output: string, name = "doubles.jsonl"): Promise<string[]> {
  const text = await readFile(join(output, name), "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => z.object({ id: z.string() }).parse(JSON.parse(line)).id)
    .sort();
}

describe("runJob", () => {
  it("makes the row of every item once, over any number of runs", async () => {
    const output = createFolder();
    const first = createJob(3);
    expect(await run(output, first.definition)).toMatchObject({ finished: 3, resumed: 0, failed: 0, stopped: null });
    const second = createJob(5);
    expect(await run(output, second.definition)).toMatchObject({ finished: 2, resumed: 3, stopped: null });
    expect(second.runs).toEqual([3, 4]);
    expect(await readIds(output)).toEqual(["number-0", "number-1", "number-2", "number-3", "number-4"]);
  });

  it("writes the failure of one item with what the job adds, and runs the others", async () => {
    const output = createFolder();
    const { definition } = createJob(3, {
      run: async (number) => {
        if (number === 1) throw new ReviewInstructError("odd", "one is odd", { attempts: 2, rawText: "1" });
        return { id: `number-${number}`, double: 2 * number };
      },
      describeFailure: async (number) => ({ number }),
    });
    const failureKinds = [{ code: "odd", count: 1, message: "one is odd" }];
    expect(await run(output, definition)).toMatchObject({ finished: 2, failed: 1, failureKinds, stopped: null });
    const failure: unknown = JSON.parse(await readFile(join(output, "failures.jsonl"), "utf8"));
    expect(failure).toMatchObject({ id: "number-1", code: "odd", message: "one is odd", attempts: 2, rawText: "1", number: 1 });
  });

  it("runs failed items again only with retryFailed, and then forgets their failures", async () => {
    const output = createFolder();
    await run(output, createJob(2, { run: () => Promise.reject(new Error("broken")) }).definition);
    const skipped = createJob(2);
    expect(await run(output, skipped.definition)).toMatchObject({ finished: 0, failed: 2 });
    expect(skipped.runs).toEqual([]);
    expect(await run(output, createJob(2).definition, { retryFailed: true })).toMatchObject({ finished: 2, failed: 0 });
    expect(await readIds(output, "failures.jsonl")).toEqual([]);
  });

  it("refuses to write a row that does not fit the row schema", async () => {
    const output = createFolder();
    const { definition } = createJob(1, {}, { rowSchema: Row.extend({ double: z.number().min(1) }) });
    expect(await run(output, definition)).toMatchObject({ finished: 0, failed: 1 });
    expect(await readIds(output)).toEqual([]);
  });

  it("stops at an error that every other item would meet, and continues later", async () => {
    const output = createFolder();
    const noQuota = new ReviewInstructError("model_insufficient_quota", "no credit left");
    const { definition } = createJob(40, { run: () => Promise.reject(noQuota) });
    expect(await run(output, definition, { concurrency: 2 })).toMatchObject({ finished: 0, failed: 0, stopped: noQuota });
    expect(await run(output, createJob(40).definition)).toMatchObject({ finished: 40, failed: 0, stopped: null });
  });

  it("stops once stopWhen is satisfied", async () => {
    const output = createFolder();
    let accepted = 0;
    const job = createJob(
      20,
      {
        run: async (number) => {
          accepted += 1;
          return { id: `number-${number}`, double: 2 * number };
        },
      },
      { stopWhen: () => accepted >= 5 },
    );
    const result = await run(output, job.definition, { concurrency: 1 });
    expect(result).toMatchObject({ finished: 5, stopped: "target_reached" });
  });

  it("returns interrupted after a graceful stop, with nothing failed", async () => {
    const gracefulStop = new AbortController();
    const { definition } = createJob(10, {
      run: async (number, stop) => {
        if (number === 3) gracefulStop.abort();
        return stop.gracefulStop.aborted ? "stopped" : { id: `number-${number}`, double: 2 * number };
      },
    });
    const stop = { gracefulStop: gracefulStop.signal, abort: new AbortController().signal };
    const output = createFolder();
    expect(await run(output, definition, { concurrency: 1, stop })).toMatchObject({ finished: 3, failed: 0, stopped: "interrupted" });
    expect(await run(output, createJob(10).definition)).toMatchObject({ finished: 7, resumed: 3, stopped: null });
  });

  it("divides items among shards by position, each with files of its own", async () => {
    const output = createFolder();
    const jobs = [0, 1].map((index) => ({ index, ...createJob(5) }));
    for (const { index, definition } of jobs) await run(output, definition, { shard: { index, of: 2 } });
    expect(jobs.map(({ runs }) => runs)).toEqual([
      [0, 2, 4],
      [1, 3],
    ]);
    expect(await readIds(output, "doubles.2-of-2.jsonl")).toEqual(["number-1", "number-3"]);
  });

  it("calls afterRow after each row, and at the start for the newest rows of earlier runs", async () => {
    const output = createFolder();
    const cleaned: string[] = [];
    const afterRow = async (id: string) => void cleaned.push(id);
    await run(output, createJob(2, { afterRow }).definition, { concurrency: 1 });
    await run(output, createJob(3, { afterRow }).definition, { concurrency: 1 });
    expect(cleaned).toEqual(["number-0", "number-1", "number-0", "number-1", "number-2"]);
  });

  it("keeps a row whose clean-up fails, and warns", async () => {
    const output = createFolder();
    const warnings: string[] = [];
    const { definition } = createJob(1, { afterRow: () => Promise.reject(new Error("locked.")) });
    expect(await run(output, definition, { onWarning: (text) => warnings.push(text) })).toMatchObject({ finished: 1, failed: 0, stopped: null });
    expect(warnings).toEqual([expect.stringContaining("locked.")]);
  });

  it("settles items in progress before it throws an error of the input", async () => {
    const output = createFolder();
    async function* breakAfterTwo() {
      yield* countTo(2);
      throw new Error("the file is gone");
    }
    const { definition, runs } = createJob(0, {}, { items: breakAfterTwo() });
    await expect(run(output, definition)).rejects.toThrow("the file is gone");
    expect(runs).toEqual([0, 1]);
    expect(await readIds(output)).toEqual(["number-0", "number-1"]);
  });

  it("closes the runner and releases the folder when opening or running fails", async () => {
    const output = createFolder();
    await expect(run(output, createJob(1, {}, { open: () => Promise.reject(new Error("no models")) }).definition)).rejects.toThrow("no models");
    const closed: string[] = [];
    await run(output, createJob(1, { close: () => void closed.push("runner") }).definition);
    expect(closed).toEqual(["runner"]);
  });
});

describe("the manifest of a job", () => {
  it("records kind, versions, inputs and fingerprint", async () => {
    const output = createFolder();
    await run(output, createJob(1, {}, { inputs: { file: "numbers.txt" } }).definition);
    const manifest: unknown = JSON.parse(await readFile(join(output, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ kind: "double", toolVersion: "1.2.3", inputs: { file: "numbers.txt" }, fingerprint: { factor: 2 }, shards: 1 });
  });

  it.each([
    ["another kind", { kind: "triple" }, /kind: was "double", is "triple"/],
    ["another fingerprint", { fingerprint: { factor: 3 } }, /factor: was 2, is 3/],
  ])("refuses a folder of %s, naming the difference", async (_what, change, message) => {
    const output = createFolder();
    await run(output, createJob(1).definition);
    const other = run(output, createJob(1, {}, change).definition);
    await expect(other).rejects.toMatchObject({ code: "manifest_mismatch", message: expect.stringMatching(message) });
  });

  it("accepts an earlier fingerprint when the job says so, and records both", async () => {
    const output = createFolder();
    await run(output, createJob(1, {}, { fingerprint: { lines: 1 } }).definition);
    const grown = createJob(2, {}, { fingerprint: { lines: 2 }, acceptsEarlier: ({ lines }) => lines === 1 });
    expect(await run(output, grown.definition)).toMatchObject({ finished: 1, resumed: 1 });
    const manifest: unknown = JSON.parse(await readFile(join(output, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ fingerprint: { lines: 2 }, earlier: [{ fingerprint: { lines: 1 } }] });
  });

  it.each([
    ["of another version", JSON.stringify({ kind: "double", folderFormat: 99, toolVersion: "9.9.9" }), "9.9.9"],
    ["of the time before versions", JSON.stringify({ createdAt: "2026-01-01", seedFile: "seeds.jsonl", job: {} }), "1.2.3"],
    ["that is not JSON", "hello", "1.2.3"],
  ])("refuses a folder with a manifest %s, by name", async (_what, text, version) => {
    const output = createFolder();
    await run(output, createJob(1).definition);
    await writeFile(join(output, "manifest.json"), text);
    const refused = run(output, createJob(1).definition);
    await expect(refused).rejects.toMatchObject({ code: "manifest_incompatible", message: expect.stringContaining(version) });
  });
});
