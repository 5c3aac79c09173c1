import { describe, expect, it } from "vitest";

import { getRoleModels, resolveSettings } from "../../../src/state/resolve-settings.js";
import { Settings, type SettingsInput } from "../../../src/state/settings.js";

const sharedModel: SettingsInput = { model: "openai:big", baseUrl: "http://127.0.0.1:8000/v1", apiKeyEnv: "BIG_KEY" };
const panel = [
  { name: "a", focus: "A" },
  { name: "b", focus: "B" },
];

function parseAndResolve(settings: SettingsInput) {
  return resolveSettings(Settings.parse(settings));
}

describe("the models that resolveSettings returns", () => {
  it("resolveSettings uses the run's model settings where a role has none", () => {
    const expected = { ...sharedModel, temperature: 0.1, maxOutputTokens: 2048 };
    const settings = parseAndResolve({ ...sharedModel, panel });
    expect(settings).toMatchObject({ candidate: expected, chairman: expected });
    expect(settings.panel).toEqual(panel.map((reviewer) => ({ ...reviewer, ...expected })));
  });

  it("resolveSettings uses a role's own model settings where it has them", () => {
    const own = { model: "openai:small", baseUrl: "http://127.0.0.1:9000/v1", apiKeyEnv: "SMALL_KEY", temperature: 1, maxOutputTokens: 64 };
    const settings = parseAndResolve({ ...sharedModel, chairman: own, panel: [{ name: "a", focus: "A", ...own }] });
    expect(settings.candidate.model).toBe("openai:big");
    expect(settings.chairman).toEqual(own);
    expect(settings.panel).toEqual([{ name: "a", focus: "A", ...own }]);
  });

  const sampling: SettingsInput = {
    headers: { "api-key": "AZURE_KEY" },
    temperature: null,
    topP: 0.9,
    samplingSeed: 0,
    stop: ["END"],
    frequencyPenalty: 0.1,
    presencePenalty: 0.2,
    repetitionPenalty: 1.1,
    maxTokensParameter: "max_completion_tokens",
    systemRole: "merge",
    extraBody: { chat_template_kwargs: { enable_thinking: false } },
  };

  it("resolveSettings gives every role all model settings of the run", () => {
    const expected = { ...sharedModel, maxOutputTokens: 99, ...sampling };
    const { candidate, chairman, panel: reviewers } = parseAndResolve({ ...sharedModel, maxOutputTokens: 99, ...sampling, panel });
    expect([candidate, chairman, reviewers]).toEqual([expected, expected, panel.map((reviewer) => ({ ...reviewer, ...expected }))]);
  });

  it("resolveSettings leaves out optional settings that a role sets back to none", () => {
    const none = { headers: {}, topP: null, samplingSeed: null, stop: [], systemRole: null, extraBody: {}, temperature: 0.5 };
    const { chairman } = parseAndResolve({ ...sharedModel, ...sampling, chairman: none });
    const kept = { frequencyPenalty: 0.1, presencePenalty: 0.2, repetitionPenalty: 1.1, maxTokensParameter: "max_completion_tokens" };
    expect(chairman).toEqual({ ...sharedModel, temperature: 0.5, maxOutputTokens: 2048, ...kept });
  });

  it("resolveSettings replaces a role's extra fields and headers, and does not merge them with the run's", () => {
    const { candidate } = parseAndResolve({ extraBody: { a: 1 }, headers: { a: "A" }, candidate: { extraBody: { b: 2 }, headers: { b: "B" } } });
    expect(candidate).toMatchObject({ extraBody: { b: 2 }, headers: { b: "B" } });
    expect(candidate.extraBody).not.toHaveProperty("a");
  });

  it("resolveSettings uses the provider's own endpoint for a role whose base URL is null", () => {
    expect(parseAndResolve({ ...sharedModel, candidate: { baseUrl: null } }).candidate).toMatchObject({ baseUrl: null, model: "openai:big" });
  });
});

describe("the panel that resolveSettings returns", () => {
  it.each([
    ["single_turn", [], 1, 0],
    ["no_review", [], 4, 0],
    ["one_review", ["a"], 4, 1],
    ["multi_review", ["a", "b"], 4, 2],
  ] as const)("resolveSettings turns mode %s into the reviewers %j, %i turns and a quorum of %i", (mode, names, turns, quorum) => {
    const settings = parseAndResolve({ mode, panel, turns: 4 });
    expect(settings.panel.map(({ name }) => name)).toEqual(names);
    expect(settings).toMatchObject({ turns, quorum });
  });

  it("resolveSettings keeps a quorum that is smaller than the panel", () => {
    expect(parseAndResolve({ panel, quorum: 1 }).quorum).toBe(1);
  });
});

describe("getRoleModels", () => {
  it("getRoleModels lists candidate, chairman and the reviewers that review", () => {
    const settings = { candidate: { model: "openai:c" }, chairman: { model: "openai:h" }, model: "openai:r", panel };
    const getNames = (mode: Settings["mode"]) => getRoleModels(parseAndResolve({ ...settings, mode })).map(({ model }) => model);
    expect(getNames("one_review")).toEqual(["openai:c", "openai:h", "openai:r"]);
    expect(getNames("no_review")).toEqual(["openai:c", "openai:h"]);
  });
});
