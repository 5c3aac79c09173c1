import { createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

import { type Dispatcher, request } from "undici";

import type { Env } from "../../env.js";
import { getErrorMessage } from "../../errors.js";
import { createDispatcher } from "../dispatcher.js";
import { ProviderConfigurationError } from "../provider.js";

/** A file in a repository of a model hub. */
export interface HubReference {
  readonly owner: string;
  readonly repository: string;
  readonly file: string;
}

/** Options of {@link loadHubFile}. */
export interface FetchOptions {
  readonly env: Env;
  /** Called with the bytes so far, and all of them where the hub tells. */
  readonly onProgress?: (received: number, total: number | null) => void;
  readonly signal?: AbortSignal;
}

const defaultHub = "https://huggingface.co";
const maxRedirects = 5;
/** Attempts without any byte between them. */
const maxAttempts = 5;
const rangeNotSatisfiable = 416;

/**
 * Parses `hf:<owner>/<repository>/<file>`, where the file may be in folders.
 *
 * @returns Null for a text without `hf:`, which is a path.
 * @throws {ProviderConfigurationError} For any other text after `hf:`.
 */
export function parseHubReference(name: string): HubReference | null {
  if (!name.startsWith("hf:")) return null;
  const [owner = "", repository = "", ...path] = name.slice("hf:".length).split("/");
  const isValid = [owner, repository, ...path].every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part));
  if (isValid && path.length > 0) return { owner, repository, file: path.join("/") };
  throw new ProviderConfigurationError(`"${name}" does not name a file of a hub. Write gguf:hf:owner/repository/file.gguf`);
}

/** Finds the hub's file that a model of the settings needs; null for any other model. */
export function findHubReference(model: string): HubReference | null {
  return model.startsWith("gguf:") ? parseHubReference(model.slice("gguf:".length).trim()) : null;
}

/** Returns true for a file that need not be fetched any more. */
export async function isHubFileCached(reference: HubReference, env: Env): Promise<boolean> {
  return (await getSize(getCachePath(reference, env))) > 0;
}

/** Returns where a file of a hub is kept, whether or not it was fetched yet. */
export function getCachePath({ owner, repository, file }: HubReference, env: Env): string {
  const cache = env.XDG_CACHE_HOME?.trim() || join(homedir(), ".cache");
  return join(cache, "review-instruct", "models", owner, repository, file);
}

/**
 * Returns the path of a hub's file, which is fetched unless it is in the cache. An interrupted download goes on where it stopped.
 *
 * `HF_ENDPOINT` names another hub, `HF_TOKEN` is sent to it and to no other host.
 *
 * @throws {ProviderConfigurationError} If the file cannot be fetched, with the hub's status.
 */
export async function loadHubFile(reference: HubReference, options: FetchOptions): Promise<string> {
  const path = getCachePath(reference, options.env);
  if (await getSize(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const hub = (options.env.HF_ENDPOINT?.trim() || defaultHub).replace(/\/+$/, "");
  const { owner, repository, file } = reference;
  const url = new URL(`${hub}/${owner}/${repository}/resolve/main/${file}`);
  const dispatcher = createDispatcher(options.env);
  let attempts = 0;
  for (let size = await getSize(`${path}.part`); ;) {
    try {
      await loadPart(url, path, options, dispatcher);
      await rename(`${path}.part`, path);
      await rm(`${path}.etag`, { force: true });
      return path;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof ProviderConfigurationError) throw error;
      const sizeNow = await getSize(`${path}.part`);
      attempts = sizeNow > size ? 0 : attempts + 1;
      size = sizeNow;
      if (attempts >= maxAttempts) throw createFetchError(url, getErrorMessage(error), error);
    }
  }
}

/** Downloads what is missing of a file. */
async function loadPart(url: URL, path: string, options: FetchOptions, dispatcher: Dispatcher): Promise<void> {
  const part = `${path}.part`;
  const size = await getSize(part);
  const etag = size > 0 ? await readFile(`${path}.etag`, "utf8").catch(() => null) : null;
  const range: Record<string, string> = etag === null ? {} : { range: `bytes=${size}-`, "if-range": etag };
  const response = await openFile(url, range, options, dispatcher);
  if (response.statusCode === rangeNotSatisfiable) {
    // The process was killed between the last byte and the renaming, or the file on the hub is shorter now.
    await response.body.dump();
    await rm(part, { force: true });
    throw new Error(`HTTP ${rangeNotSatisfiable}`);
  }
  const isRest = response.statusCode === 206;
  const start = isRest ? size : 0;
  const length = Number(response.headers["content-length"]);
  const total = Number.isSafeInteger(length) ? start + length : null;
  let received = start;
  async function* countBytes(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      received += chunk.length;
      options.onProgress?.(received, total);
      yield chunk;
    }
  }
  const { etag: newEtag } = response.headers;
  // The pipeline starts at once, since an error of a body that nobody reads would be an uncaught one.
  // Without the tag the file is fetched from its start, so a failure to store it costs time alone.
  const saved = typeof newEtag === "string" ? writeFile(`${path}.etag`, newEtag).catch(() => undefined) : undefined;
  try {
    await pipeline(response.body, countBytes, createWriteStream(part, { flags: isRest ? "a" : "w" }), { signal: options.signal });
  } finally {
    await saved;
  }
  if (total !== null && received !== total) throw new Error(`${received} of ${total} bytes arrived`);
}

/** Follows redirects to a hub's storage, which must not get the token. */
async function openFile(
  url: URL,
  range: Readonly<Record<string, string>>,
  { env, signal }: FetchOptions,
  dispatcher: Dispatcher,
): Promise<Dispatcher.ResponseData> {
  const token = env.HF_TOKEN?.trim();
  let target = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const authorization: Record<string, string> = token && target.origin === url.origin ? { authorization: `Bearer ${token}` } : {};
    const response = await request(target, { dispatcher, signal, headers: { ...range, ...authorization, "accept-encoding": "identity" } });
    const { statusCode, headers } = response;
    const { location } = headers;
    if (statusCode < 300 || statusCode === rangeNotSatisfiable) return response;
    await response.body.dump();
    if (statusCode < 400 && typeof location === "string") target = new URL(location, target);
    else if (statusCode >= 500 || statusCode === 429) throw new Error(`HTTP ${statusCode}`);
    else
      throw createFetchError(
        url,
        `HTTP ${statusCode}${statusCode === 401 || statusCode === 403 ? "; set HF_TOKEN to a token that may read it" : ""}`,
      );
  }
  throw createFetchError(url, "too many redirects");
}

function createFetchError(url: URL, reason: string, cause?: unknown): ProviderConfigurationError {
  return new ProviderConfigurationError(`${url.href} cannot be fetched (${reason}). Check the name, or fetch the file and name its path`, { cause });
}

/** Returns 0 for a file that does not exist. */
async function getSize(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
