import { createHash } from "node:crypto";

import type { Seed } from "../dataset/seeds/seed.js";
import { promptVersions } from "../prompts/versions.js";
import { getTextSettings } from "../state/model-settings.js";
import { type ResolvedSettings, resolveSettings } from "../state/resolve-settings.js";
import type { ModelSettings, Settings } from "../state/settings.js";

/**
 * Returns everything that shapes the texts of a conversation: resolved settings and prompt versions.
 *
 * Leaves out the address of an endpoint, its headers and the variable of its key, so that a job can continue after an endpoint
 * has moved.
 */
export function getFingerprintInput(settings: ResolvedSettings) {
  const { humanReview: _, keepReasoning, candidate, chairman, panel, ...rest } = settings;
  return {
    ...rest,
    candidate: toModelInput(candidate),
    chairman: toModelInput(chairman),
    panel: panel.map(({ name, focus, ...model }) => ({ name, focus, ...toModelInput(model) })),
    prompts: promptVersions,
    ...(keepReasoning && { keepReasoning }),
  };
}

/** Lists settings in one order. New ones come last, so that jobs without them keep their fingerprint. */
function toModelInput(settings: ModelSettings) {
  const { model, temperature, maxOutputTokens, ...rest } = getTextSettings(settings);
  return { model, temperature, maxOutputTokens, ...toSortedCopy(rest) };
}

/** Resolves settings and returns their fingerprint; see {@link computeFingerprint}. */
export function computeSettingsFingerprint(settings: Settings): string {
  return computeFingerprint(resolveSettings(settings));
}

/** Returns the digest of {@link getFingerprintInput} as 16 hexadecimal digits. */
export function computeFingerprint(settings: ResolvedSettings): string {
  return hashSha256(JSON.stringify(getFingerprintInput(settings))).slice(0, 16);
}

/**
 * Returns the id of a conversation and of its thread: a UUID (version 8) from fingerprint, seed and position in the file.
 *
 * The id is deterministic, so that every run of a job finds the same thread. The position makes duplicate seeds distinct.
 */
export function computeConversationId(fingerprint: string, index: number, seed: Seed): string {
  const hex = hashSha256(JSON.stringify([fingerprint, index, seed.instruction, seed.input, seed.system, seed.messages]));
  const variant = "89ab"[parseInt(hex.slice(16, 17), 16) % 4];
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

/** Copies a JSON value with the keys of all objects in alphabetical order, so that their order in a file does not matter. */
function toSortedCopy<T>(value: T): T;
function toSortedCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => toSortedCopy(item));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, toSortedCopy(inner)]));
}

function hashSha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
