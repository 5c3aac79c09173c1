import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { z } from "zod";

import { InputError } from "../errors.js";
import type { ModelAccess, ModelReply, ModelRequest } from "../nodes/model-access.js";
import { endpointOf } from "./endpoint.js";

export interface CacheOptions {
  /** Told once when replies can no longer be read or stored; the run goes on without. */
  readonly onWarning?: (message: string) => void;
}

export interface CacheStats {
  /** Requests answered without a call. */
  readonly hits: number;
  readonly misses: number;
  /** Replies written. */
  readonly stored: number;
}

export interface ReplyCache {
  /** Answers a request that was answered before from disk. Such a reply carries `cached: true` and was not paid for again. */
  readonly wrap: (access: ModelAccess) => ModelAccess;
  readonly stats: () => CacheStats;
}

/** A reply out of the cache: its usage is what it took when it was made. */
export interface CachedReply extends ModelReply {
  readonly cached: true;
}

const tokens = z.int().min(0).nullable();
const Reply = z.object({
  text: z.string().min(1),
  finish: z.literal("stop"),
  usage: z.looseObject({ inputTokens: tokens, outputTokens: tokens }),
  model: z.string(),
});
/** The digest tells an entry that was damaged, yet can still be read, from a whole one. */
const Entry = z.object({ digest: z.string(), reply: z.unknown() });

/** Goes up when keys or entries change their meaning. */
const format = 1;

/**
 * Keeps replies in `dir`, one file each, found by a digest of everything that shapes a reply: endpoint, model, sampling,
 * messages, reply schema; and the reviewer's name, so that a panel of like reviewers keeps its several voices. Only whole
 * replies with text are kept, and nothing but the reply is: no key, no prompt. `offline` is passed through. A reply that its
 * caller could not use leaves the cache by its `discard`, whether it came from an endpoint or out of the cache.
 *
 * Several processes may share a folder: entries are put in place whole. An entry that is damaged counts as a miss and is
 * replaced. Equal requests that are under way at the same time are not merged: each must be free to fail or to be aborted.
 *
 * Throws `InputError` where `dir` cannot be written.
 */
export function createCache(dir: string, { onWarning = () => undefined }: CacheOptions = {}): ReplyCache {
  assertWritable(dir);
  let hits = 0;
  let misses = 0;
  let stored = 0;
  let storing = true;

  function giveUp(doing: string, error: unknown): void {
    if (storing) onWarning(`the reply cache in ${dir} cannot be ${doing} (${String(error)}): the run goes on without storing replies`);
    storing = false;
  }

  async function find(file: string): Promise<ModelReply | null> {
    try {
      return readEntry(await readFile(file, "utf8"));
    } catch (error) {
      if (!isMissing(error)) giveUp("read", error);
      return null;
    }
  }

  async function store(file: string, reply: ModelReply): Promise<void> {
    const draft = `${file}.${randomUUID()}.tmp`;
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(draft, writeEntry(reply), { flag: "wx" });
      await rename(draft, file);
      stored++;
    } catch (error) {
      giveUp("written", error);
      // Whatever stands in the way of a draft may stand in the way of removing it, too.
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }

  async function forget(file: string): Promise<void> {
    try {
      await rm(file, { force: true });
    } catch (error) {
      giveUp("cleared of a reply that was of no use", error);
    }
  }

  return {
    wrap: (access) => async (request, config) => {
      if (request.settings.model === "offline") return access(request, config);
      config.signal?.throwIfAborted();
      const key = keyOf(request);
      const file = join(dir, key.slice(0, 2), `${key.slice(2)}.json`);
      const discard = () => forget(file);
      const found = await find(file);
      if (found) {
        hits++;
        return { ...found, cached: true, discard } satisfies CachedReply;
      }
      misses++;
      const reply = await access(request, config);
      if (!storing || reply.finish !== "stop" || reply.text.trim() === "") return reply;
      await store(file, reply);
      return { ...reply, discard };
    },
    stats: () => ({ hits, misses, stored }),
  };
}

function keyOf({ settings, messages, reply, reviewer }: ModelRequest): string {
  const parts = {
    format,
    endpoint: endpointOf(settings),
    model: settings.model,
    temperature: settings.temperature,
    outputLimit: settings.outputLimit,
    reviewer,
    messages: messages.map(({ type, content }) => [type, content]),
    reply: reply && [reply.name, reply.schema],
  };
  return digestOf(parts);
}

function writeEntry({ text, finish, usage, model }: ModelReply): string {
  const reply = { text, finish, usage, model };
  return JSON.stringify({ digest: digestOf(reply), reply });
}

/** Null for anything but a whole entry. */
function readEntry(text: string): ModelReply | null {
  try {
    const { digest, reply } = Entry.parse(JSON.parse(text));
    return digest === digestOf(reply) ? Reply.parse(reply) : null;
  } catch {
    // Cut off or overwritten by something else: the entry is made anew.
    return null;
  }
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

function assertWritable(dir: string): void {
  const probe = join(dir, `.${randomUUID()}.tmp`);
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (cause) {
    throw new InputError(`cannot keep replies in ${dir}: ${String(cause)}. Make the folder writable, or choose another`, { file: dir }, { cause });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
