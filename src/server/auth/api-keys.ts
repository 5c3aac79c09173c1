import { createHash, timingSafeEqual } from "node:crypto";

import { InputError } from "../../errors.js";

/** Returns the user that a key belongs to, or null for an unknown key. */
export type ApiKeyLookup = (key: string) => string | null;

const minKeyLength = 16;

/**
 * Parses `user:key` entries, separated by commas or line breaks. A user may have several keys, so that keys can be rotated.
 *
 * @param source Where the text comes from, for messages.
 * @throws {InputError} For an invalid entry, a key shorter than 16 characters, a key that two users share, or an empty list.
 *   Messages name the entry by its position and user, never by its key.
 */
export function parseApiKeys(text: string, source: string): ApiKeyLookup {
  const entries = splitEntries(text).map((entry, index) => parseEntry(entry, index, source));
  if (entries.length === 0) {
    throw new InputError(`${source} holds no key: write user:key, with commas or line breaks between them`, { file: source });
  }
  const owners = new Map<string, string>();
  for (const { user, digest } of entries) {
    const owner = owners.get(digest.toString("hex")) ?? user;
    if (owner !== user) throw new InputError(`${source}: ${owner} and ${user} have the same key`, { file: source });
    owners.set(digest.toString("hex"), owner);
  }
  return (key) => {
    const digest = computeDigest(key);
    // Compares every key, and digests have one length, so that the time taken reveals nothing about a key.
    return entries.reduce<string | null>((user, entry) => (timingSafeEqual(entry.digest, digest) ? entry.user : user), null);
  };
}

/** Returns every key in such a text, valid or not, so that it can be hidden. */
export function extractKeys(text: string): string[] {
  return splitEntries(text).map((entry) => entry.slice(entry.indexOf(":") + 1));
}

function splitEntries(text: string): string[] {
  const entries = text.split(/[,\r\n]+/).map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "" && !entry.startsWith("#"));
}

function parseEntry(entry: string, index: number, source: string): { user: string; digest: Buffer } {
  const [, user = "", key = ""] = /^([A-Za-z0-9][\w.@-]{0,63}):(\S+)$/.exec(entry) ?? [];
  const location = `${source}, entry ${index + 1}${user === "" ? "" : ` (${user})`}`;
  const details = { file: source, row: index + 1 };
  if (user === "") throw new InputError(`${location}: must be user:key, with a user of letters, digits, . @ _ or -`, details);
  if (key.length < minKeyLength) throw new InputError(`${location}: the key must have ${minKeyLength} characters or more`, details);
  return { user, digest: computeDigest(key) };
}

function computeDigest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
