import { createHash } from "node:crypto";

import type { Seed } from "../dataset/seeds/seed.js";
import { promptVersions } from "../prompts/versions.js";
import { type ResolvedSettings, resolveSettings } from "../state/resolve-settings.js";
import type { ModelSettings, Settings } from "../state/settings.js";

/**
 * Returns what decides the content of a conversation: resolved settings and prompt versions.
 *
 * An endpoint's address and the source of its key are no part of it: a moved endpoint changes nothing.
 */
export function getFingerprintInput(settings: ResolvedSettings) {
  const { humanReview: _, candidate, chairman, panel, ...rest } = settings;
  return {
    ...rest,
    candidate: toModelInput(candidate),
    chairman: toModelInput(chairman),
    panel: panel.map(({ name, focus, ...model }) => ({ name, focus, ...toModelInput(model) })),
    prompts: promptVersions,
  };
}

function toModelInput({ model, temperature, maxOutputTokens }: ModelSettings) {
  return { model, temperature, maxOutputTokens };
}

/** Returns 16 hexadecimal digits that stand for {@link getFingerprintInput}. */
export function settingsFingerprint(settings: Settings): string {
  return computeFingerprint(resolveSettings(settings));
}

/** Returns the same for settings that are resolved already. */
export function computeFingerprint(settings: ResolvedSettings): string {
  return sha256(JSON.stringify(getFingerprintInput(settings))).slice(0, 16);
}

/**
 * Returns the id of a conversation and of its thread: a UUID (version 8) of settings, seed and the seed's place in its file.
 *
 * Every run of a job finds the same thread again, and a seed that stands twice in a file gives two conversations.
 */
export function conversationId(fingerprint: string, index: number, seed: Seed): string {
  const hex = sha256(JSON.stringify([fingerprint, index, seed.instruction, seed.input, seed.system, seed.messages]));
  const variant = "89ab"[parseInt(hex.slice(16, 17), 16) % 4];
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
