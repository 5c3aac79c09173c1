import { createHash } from "node:crypto";

import { promptVersions } from "../prompts/versions.js";
import type { Seed } from "../dataset/seed.js";
import { type Settings, modelFor, seatedPanel, turnsOf } from "../state/settings.js";

/**
 * What decides the content of a conversation, settled: every role with its own model, the panel that sits, the prompt
 * versions. Two runs with equal identity may share an output folder. Where keys come from is no part of it, and no secret is.
 */
export function identityOf(settings: Settings) {
  const role = (own: Parameters<typeof modelFor>[1]) => {
    const { apiKeyEnv: _, ...identity } = modelFor(settings, own);
    return { ...identity, ...addressOf(identity.baseUrl) };
  };
  return {
    turns: turnsOf(settings),
    mode: settings.mode,
    language: settings.language,
    wordLimit: settings.wordLimit,
    tieBreak: settings.tieBreak,
    quorum: settings.quorum,
    reviewFinalTurn: settings.reviewFinalTurn,
    candidate: role(settings.candidate),
    chairman: role(settings.chairman),
    panel: seatedPanel(settings).map((reviewer) => ({ name: reviewer.name, focus: reviewer.focus, ...role(reviewer) })),
    prompts: promptVersions,
  };
}
export type Identity = ReturnType<typeof identityOf>;

/** 16 hex digits that stand for {@link identityOf}. */
export function settingsFingerprint(settings: Settings): string {
  return digest(JSON.stringify(identityOf(settings)));
}

/** A base URL without its query, which may hold a key (`?api-key=...`): of that, where there is one, a digest alone. */
function addressOf(baseUrl: string | null): { baseUrl: string | null; baseUrlQuery?: string } {
  if (baseUrl === null) return { baseUrl };
  const { search } = new URL(baseUrl);
  return { baseUrl: baseUrl.replace(/[?#].*/s, ""), ...(search === "" ? {} : { baseUrlQuery: digest(search) }) };
}

/**
 * The id of a conversation and of its thread: a UUID (version 8) out of the settings, the seed and its place in the file, so
 * that every run of a job finds the same thread again, and a seed that stands twice in a file gives two conversations.
 */
export function conversationId(fingerprint: string, index: number, seed: Seed): string {
  const hex = sha256(JSON.stringify([fingerprint, index, seed.instruction, seed.input, seed.system, seed.messages]));
  const variant = "89ab"[parseInt(hex.slice(16, 17), 16) % 4];
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

/** 16 hex digits. */
function digest(text: string): string {
  return sha256(text).slice(0, 16);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
