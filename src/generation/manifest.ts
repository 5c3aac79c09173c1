import { randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";

import { z } from "zod";

import { ReviewInstructError } from "../errors.js";
import type { Identity } from "./fingerprint.js";
import { diskError } from "./jsonl-file.js";

/** What an output folder belongs to. */
export interface Job {
  /** sha256 of the seed file. */
  readonly seeds: string;
  readonly settings: Identity;
  /** Into how many shards the job is divided; 1: not at all. */
  readonly shards: number;
}

const Manifest = z.object({ createdAt: z.string(), seedFile: z.string(), job: z.record(z.string(), z.unknown()) });

/**
 * Makes a fresh folder belong to the job, or checks that it already does. Throws `other_job` listing every difference, so
 * that two jobs are never mixed.
 */
export async function claimFolder(path: string, job: Job, seedFile: string): Promise<void> {
  const found = await readManifest(path);
  if (!found) {
    const manifest = { createdAt: new Date().toISOString(), seedFile, job };
    // Shards begin together, and in containers of their own may all have the same process number.
    const draft = `${path}.${randomUUID()}`;
    try {
      await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
      await rename(draft, path);
    } catch (error) {
      throw diskError(path, error);
    }
    return;
  }
  const differences = differencesOf(found.job, { ...job });
  if (differences.length === 0) return;
  throw new ReviewInstructError(
    "other_job",
    [
      `the output folder belongs to another job (${path}). What differs:`,
      ...differences.map(({ field, was, is }) => `  ${field}: was ${was}, is ${is}`),
      "Use the settings it was started with, or choose another --output.",
    ].join("\n"),
    { file: path, differences },
  );
}

async function readManifest(path: string): Promise<z.infer<typeof Manifest> | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw diskError(path, error);
  }
  try {
    return Manifest.parse(JSON.parse(text));
  } catch (error) {
    throw new ReviewInstructError("output_damaged", `${path} is no manifest of ours: choose another --output`, { file: path }, { cause: error });
  }
}

interface Difference {
  readonly field: string;
  readonly was: string;
  readonly is: string;
}

function differencesOf(was: Record<string, unknown>, is: Record<string, unknown>): Difference[] {
  const before = leaves(was);
  const now = leaves(is);
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((field) => {
    const [a = "nothing", b = "nothing"] = [before.get(field), now.get(field)];
    return a === b ? [] : [{ field, was: a, is: b }];
  });
}

function leaves(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[path, JSON.stringify(value)]]);
  return new Map(Object.entries(value).flatMap(([key, item]) => [...leaves(item, path === "" ? key : `${path}.${key}`)]));
}
