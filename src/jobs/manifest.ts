import { randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";

import { z } from "zod";

import { ReviewInstructError, hasErrorCode } from "../errors.js";
import type { Fingerprint, JobDefinition } from "./job-definition.js";
import { toWriteError } from "./jsonl-file.js";

/** Version of the files in an output folder. Increased when an older folder can no longer be continued. */
const folderFormat = 3;

const Manifest = z.looseObject({
  kind: z.string(),
  folderFormat: z.int(),
  toolVersion: z.string(),
  createdAt: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  shards: z.int(),
  fingerprint: z.record(z.string(), z.unknown()),
  /** Fingerprints that the folder was started and continued with before. */
  earlier: z.array(z.object({ until: z.string(), fingerprint: z.record(z.string(), z.unknown()) })),
});
type Manifest = z.infer<typeof Manifest>;

type ManifestJob = Pick<JobDefinition<never, never>, "kind" | "fingerprint" | "inputs" | "acceptsEarlier">;

/**
 * Writes the manifest of a new folder, or checks that the folder belongs to the job.
 *
 * @throws {ReviewInstructError} `manifest_mismatch` with every difference, or `manifest_incompatible`.
 */
export async function ensureManifest(
  path: string,
  job: ManifestJob,
  { toolVersion, shards }: { readonly toolVersion: string; readonly shards: number },
): Promise<void> {
  const { kind, fingerprint, inputs = {} } = job;
  const found = await readManifest(path, toolVersion);
  const now = new Date().toISOString();
  if (!found) return writeManifest(path, { kind, folderFormat, toolVersion, createdAt: now, inputs, shards, fingerprint, earlier: [] });
  const differences = diffFields({ kind: found.kind, shards: found.shards, ...found.fingerprint }, { kind, shards, ...fingerprint });
  if (differences.length === 0) return;
  const sameJob = found.kind === kind && found.shards === shards;
  if (sameJob && (await job.acceptsEarlier?.(found.fingerprint)) === true) {
    const earlier = [...found.earlier, { until: now, fingerprint: found.fingerprint }];
    return writeManifest(path, { ...found, toolVersion, inputs, fingerprint, earlier });
  }
  throw new ReviewInstructError(
    "manifest_mismatch",
    [
      `the output folder belongs to another job (${path}). What differs:`,
      ...differences.map(({ field, expected, actual }) => `  ${field}: was ${expected}, is ${actual}`),
      "Use the settings it was started with, or choose another --output.",
    ].join("\n"),
    { file: path, differences },
  );
}

async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  // Not named by process id: shards start together, and in containers may all have the same one.
  const tempPath = `${path}.${randomUUID()}`;
  try {
    await writeFile(tempPath, `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(tempPath, path);
  } catch (error) {
    throw toWriteError(path, error);
  }
}

async function readManifest(path: string, toolVersion: string): Promise<Manifest | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw toWriteError(path, error);
  }
  const value = parseJson(text);
  const parsed = Manifest.safeParse(value);
  if (parsed.success && parsed.data.folderFormat === folderFormat) return parsed.data;
  const writer = z.object({ toolVersion: z.string() }).safeParse(value).data?.toolVersion;
  const found = writer === undefined ? "is not a manifest of this version" : `was written by version ${writer}`;
  throw new ReviewInstructError(
    "manifest_incompatible",
    `${path} ${found}, and version ${toolVersion} cannot continue that folder. Choose another --output, or use the version that wrote it.`,
    { file: path, writtenBy: writer ?? null, toolVersion },
    { cause: parsed.error },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Reported by the caller, with the file's name.
    return null;
  }
}

interface Difference {
  readonly field: string;
  readonly expected: string;
  readonly actual: string;
}

function diffFields(expected: Fingerprint, actual: Fingerprint): Difference[] {
  const before = flatten(expected);
  const now = flatten(actual);
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((field) => {
    const [a = "nothing", b = "nothing"] = [before.get(field), now.get(field)];
    return a === b ? [] : [{ field, expected: a, actual: b }];
  });
}

function flatten(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[path, JSON.stringify(value)]]);
  return new Map(Object.entries(value).flatMap(([key, item]) => [...flatten(item, path === "" ? key : `${path}.${key}`)]));
}
