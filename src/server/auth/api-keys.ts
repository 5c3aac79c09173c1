import { createHash, timingSafeEqual } from "node:crypto";

import { InputError } from "../../errors.js";

/** Whose key is it? Null for nobody's. */
export type ApiKeyLookup = (key: string) => string | null;

const shortest = 16;

/**
 * Reads `user:key` entries, separated by commas or lines. A user may have several keys, for changing them one by one.
 * Throws `InputError`, naming the entry by its place and user and never its key, for anything else, a key shorter than 16
 * characters, a key that two users share, or no entry at all.
 */
export function parseApiKeys(text: string, source: string): ApiKeyLookup {
  const keys = splitEntries(text).map((entry, index) => parseEntry(entry, index, source));
  if (keys.length === 0) throw new InputError(`${source} holds no key: write user:key, with commas or line breaks between them`, { file: source });
  const owners = new Map<string, string>();
  for (const { user, digest } of keys) {
    const owner = owners.get(digest.toString("hex")) ?? user;
    if (owner !== user) throw new InputError(`${source}: ${owner} and ${user} have the same key`, { file: source });
    owners.set(digest.toString("hex"), owner);
  }
  return (key) => {
    const digest = computeDigest(key);
    // Every key is looked at, and digests are of one length: the time taken tells nothing of any key.
    return keys.reduce<string | null>((found, entry) => (timingSafeEqual(entry.digest, digest) ? entry.user : found), null);
  };
}

/** The single keys in such a text, good or bad: what must not be shown. */
export function extractKeys(text: string): string[] {
  return splitEntries(text).map((entry) => entry.slice(entry.indexOf(":") + 1));
}

function splitEntries(text: string): string[] {
  const entries = text.split(/[,\r\n]+/).map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "" && !entry.startsWith("#"));
}

function parseEntry(entry: string, index: number, source: string): { user: string; digest: Buffer } {
  const [, user = "", key = ""] = /^([A-Za-z0-9][\w.@-]{0,63}):(\S+)$/.exec(entry) ?? [];
  const where = `${source}, entry ${index + 1}${user === "" ? "" : ` (${user})`}`;
  if (user === "") throw new InputError(`${where}: must be user:key, with a user of letters, digits, . @ _ or -`, { file: source, row: index + 1 });
  if (key.length < shortest) throw new InputError(`${where}: the key must have ${shortest} characters or more`, { file: source, row: index + 1 });
  return { user, digest: computeDigest(key) };
}

function computeDigest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
