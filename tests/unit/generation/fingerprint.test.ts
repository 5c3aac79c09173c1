import { describe, expect, it } from "vitest";

import type { Seed } from "../../../src/dataset/seeds/seed.js";
import { computeConversationId, computeFingerprint, computeSettingsFingerprint, getFingerprintInput } from "../../../src/generation/fingerprint.js";
import { promptVersions } from "../../../src/prompts/versions.js";
import { resolveSettings } from "../../../src/state/resolve-settings.js";
import { Settings, type SettingsInput } from "../../../src/state/settings.js";

const panel = [
  { name: "facts", focus: "Facts." },
  { name: "style", focus: "Style." },
];
const base: SettingsInput = { model: "openai:m", baseUrl: "http://localhost:9000/v1", panel };
const seed: Seed = { instruction: "Why is the sky blue?" };

const getFingerprint = (settings: SettingsInput) => computeSettingsFingerprint(Settings.parse(settings));
const getId = (settings: SettingsInput) => computeConversationId(getFingerprint(settings), 0, seed);

describe("computeSettingsFingerprint", () => {
  it.each<[string, SettingsInput]>([
    ["another host", { baseUrl: "http://10.0.0.7:8000/v2" }],
    ["no base URL", { baseUrl: null }],
    ["a query", { baseUrl: "http://localhost:9000/v1?api-version=2&api-key=hunter2" }],
    ["another key variable", { apiKeyEnv: "OTHER_KEY" }],
    ["another endpoint of the candidate", { candidate: { baseUrl: "http://10.0.0.7/v1", apiKeyEnv: "OTHER_KEY" } }],
    ["another endpoint of the chairman", { chairman: { baseUrl: "http://10.0.0.7/v1", apiKeyEnv: "OTHER_KEY" } }],
    ["another endpoint of a reviewer", { panel: panel.map((reviewer) => ({ ...reviewer, baseUrl: "http://10.0.0.7/v1", apiKeyEnv: "OTHER_KEY" })) }],
    ["headers", { headers: { "api-key": "AZURE_OPENAI_API_KEY" }, candidate: { headers: { "x-team": "TEAM" } } }],
    ["another name of the output limit", { maxTokensParameter: "max_completion_tokens" }],
    ["optional settings that are set to none", { topP: null, stop: [], extraBody: {}, systemRole: null, candidate: { topP: null, stop: [] } }],
    ["human review", { humanReview: true }],
    ["default values that are set explicitly", { turns: 3, tieBreak: "depth", candidate: { temperature: 0.1 } }],
    ["the run's model set for one role", { candidate: { model: "openai:m" } }],
    ["a quorum beyond the size of the panel", { quorum: 5 }],
  ])("settings with %s have the same fingerprint and conversation ids", (_change, change) => {
    expect(getFingerprint({ ...base, ...change })).toBe(getFingerprint(base));
    expect(getId({ ...base, ...change })).toBe(getId(base));
  });

  const changes: [string, SettingsInput][] = [
    ["another model", { model: "openai:other" }],
    ["another model of the candidate", { candidate: { model: "openai:other" } }],
    ["another model of the chairman", { chairman: { model: "openai:other" } }],
    ["another model of a reviewer", { panel: panel.map((reviewer) => ({ ...reviewer, model: "openai:other" })) }],
    ["another temperature of the candidate", { candidate: { temperature: 0.7 } }],
    ["another temperature of the chairman", { chairman: { temperature: 0.7 } }],
    ["another temperature of the reviewers", { panel: panel.map((reviewer) => ({ ...reviewer, temperature: 0.7 })) }],
    ["another output limit of the candidate", { candidate: { maxOutputTokens: 100 } }],
    ["another output limit of the chairman", { chairman: { maxOutputTokens: 100 } }],
    ["another output limit of the reviewers", { panel: panel.map((reviewer) => ({ ...reviewer, maxOutputTokens: 100 })) }],
    ["no temperature", { temperature: null }],
    ["no temperature of the candidate", { candidate: { temperature: null } }],
    ["another temperature", { temperature: 0.2 }],
    ["topP", { topP: 0.9 }],
    ["topP of the candidate", { candidate: { topP: 0.9 } }],
    ["a sampling seed", { samplingSeed: 0 }],
    ["stop sequences", { stop: ["END"] }],
    ["a frequency penalty", { frequencyPenalty: 0.5 }],
    ["a presence penalty", { presencePenalty: 0.5 }],
    ["a repetition penalty", { repetitionPenalty: 1.1 }],
    ["another system role", { systemRole: "merge" }],
    ["extra fields", { extraBody: { chat_template_kwargs: { enable_thinking: false } } }],
    ["other extra fields", { extraBody: { chat_template_kwargs: { enable_thinking: true } } }],
    ["extra fields of a reviewer", { panel: panel.map((reviewer) => ({ ...reviewer, extraBody: { top_k: 20 } })) }],
    ["another number of turns", { turns: 4 }],
    ["mode one_review", { mode: "one_review" }],
    ["mode no_review", { mode: "no_review" }],
    ["mode single_turn", { mode: "single_turn" }],
    ["another language", { language: "German" }],
    ["another word limit", { wordLimit: 100 }],
    ["another tie break", { tieBreak: "breadth" }],
    ["another quorum", { quorum: 1 }],
    ["a review of the final turn", { reviewFinalTurn: true }],
    ["another order of the panel", { panel: [...panel].reverse() }],
    ["one reviewer less", { panel: panel.slice(0, 1) }],
    ["another focus", { panel: [{ name: "facts", focus: "Numbers." }, ...panel.slice(1)] }],
    ["another reviewer name", { panel: [{ name: "numbers", focus: "Facts." }, ...panel.slice(1)] }],
  ];

  it.each(changes)("settings with %s have another fingerprint and other conversation ids", (_change, change) => {
    expect(getFingerprint({ ...base, ...change })).not.toBe(getFingerprint(base));
    expect(getId({ ...base, ...change })).not.toBe(getId(base));
  });

  it("the order of extra fields does not matter", () => {
    const change = { top_k: 20, provider: { order: ["a", "b"], allow_fallbacks: false } };
    const reordered = { provider: { allow_fallbacks: false, order: ["a", "b"] }, top_k: 20 };
    expect(getFingerprint({ ...base, extraBody: change })).toBe(getFingerprint({ ...base, extraBody: reordered }));
  });

  it("settings of a job without optional ones have the fingerprint that they had in earlier versions", () => {
    const { candidate } = getFingerprintInput(resolveSettings(Settings.parse(base)));
    expect(JSON.stringify(candidate)).toBe('{"model":"openai:m","temperature":0.1,"maxOutputTokens":2048}');
  });

  it("settings that differ in any way have different fingerprints", () => {
    const fingerprints = changes.map(([, change]) => getFingerprint({ ...base, ...change }));
    expect(new Set(fingerprints).size).toBe(changes.length);
  });

  it("computeFingerprint returns 16 hexadecimal digits", () => {
    expect(computeFingerprint(resolveSettings(Settings.parse(base)))).toMatch(/^[0-9a-f]{16}$/);
  });
});

it("getFingerprintInput contains the prompt versions, and neither addresses nor key variables", () => {
  const input = getFingerprintInput(resolveSettings(Settings.parse({ ...base, baseUrl: "http://localhost:9000/v1?api-key=hunter2" })));
  expect(input).toMatchObject({ prompts: promptVersions, candidate: { model: "openai:m" }, chairman: { model: "openai:m" } });
  expect(JSON.stringify(input)).not.toMatch(/http|hunter|baseUrl|apiKeyEnv|OPENAI_API_KEY/);
});

describe("computeConversationId", () => {
  const fingerprint = getFingerprint(base);

  it("computeConversationId returns a UUID of version 8, always the same", () => {
    const id = computeConversationId(fingerprint, 0, seed);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(computeConversationId(fingerprint, 0, { ...seed })).toBe(id);
  });

  it("computeConversationId returns different ids for different fingerprints, positions and seeds", () => {
    const messages = [{ role: "user" as const, content: "Why is the sky blue?" }];
    const seeds: Seed[] = [seed, { instruction: "Why?" }, { ...seed, input: "At noon." }, { ...seed, system: "At noon." }, { messages }];
    const ids = [
      ...seeds.map((other) => computeConversationId(fingerprint, 0, other)),
      computeConversationId(fingerprint, 1, seed),
      computeConversationId("0123456789abcdef", 0, seed),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
