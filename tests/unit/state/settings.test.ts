import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { Settings, type SettingsInput, resolveModelSettings, maxTurns, getActiveReviewers, getTurnCount } from "../../../src/state/settings.js";

const panel = [
  { name: "a", focus: "A" },
  { name: "b", focus: "B" },
];

describe("Settings", () => {
  it("need nothing: the paper's loop over three reviewers, with the offline model", () => {
    const settings = Settings.parse({});
    expect(settings).toMatchObject({
      turns: 3,
      mode: "multi_review",
      model: "offline",
      baseUrl: null,
      apiKeyEnv: "OPENAI_API_KEY",
      language: "same as the seed",
      wordLimit: 300,
      tieBreak: "depth",
      quorum: 2,
      reviewFinalTurn: false,
      humanReview: false,
      candidate: { temperature: 0.1, maxOutputTokens: 2048 },
      chairman: { temperature: 0.1, maxOutputTokens: 2048 },
    });
    expect(settings.panel).toHaveLength(3);
    for (const reviewer of settings.panel) expect(reviewer).toMatchObject({ temperature: 0.1, maxOutputTokens: 2048 });
    const foci = settings.panel.map((reviewer) => reviewer.focus.toLowerCase()).join(" ");
    for (const dimension of ["useful", "relevan", "accura", "depth", "creativ"]) expect(foci).toContain(dimension);
  });

  it("fill in what a role leaves out", () => {
    expect(Settings.parse({ candidate: { temperature: 0.7 } }).candidate).toMatchObject({ temperature: 0.7, maxOutputTokens: 2048 });
  });

  it.each<[string, string, Record<string, unknown>]>([
    ["no turn", "turns", { turns: 0 }],
    ["half a turn", "turns", { turns: 1.5 }],
    ["more turns than there may be", "turns", { turns: maxTurns + 1 }],
    ["an unknown mode", "mode", { mode: "all_review" }],
    ["an empty panel", "panel", { panel: [] }],
    ["two reviewers of one name", "panel", { panel: [panel[0], panel[0]] }],
    ["two names that differ in white space alone", "panel", { panel: [panel[0], { name: " a ", focus: "A" }] }],
    ["a name with a line break", "panel.0.name", { panel: [{ name: "a\nb", focus: "A" }] }],
    ["a name that is none", "panel.0.name", { panel: [{ name: "  ", focus: "A" }] }],
    ["a reviewer without focus", "panel.0.focus", { panel: [{ name: "a", focus: " " }] }],
    ["a model name for a panel", "panel", { panel: "gpt-4o" }],
    ["a model name for a reviewer", "panel.0", { panel: ["gpt-4o"] }],
    ["a misspelt field of a role", "candidate", { candidate: { temprature: 1 } }],
    ["an endpoint that is no URL", "baseUrl", { baseUrl: "localhost:8000" }],
    ["an endpoint of another protocol", "baseUrl", { baseUrl: "file:///etc/passwd" }],
    ["a temperature beyond the scale", "chairman.temperature", { chairman: { temperature: 2.1 } }],
    ["an output limit of nothing", "candidate.maxOutputTokens", { candidate: { maxOutputTokens: 0 } }],
    ["a quorum of nobody", "quorum", { quorum: 0 }],
    ["an empty model name", "model", { model: " " }],
    ["an empty language", "language", { language: "" }],
  ])("refuse %s and say where it is", (_, path, settings) => {
    const result = Settings.safeParse(settings);
    expect(result.error?.issues.map((issue) => issue.path.join("."))).toEqual([path]);
  });

  it.each(["sk-proj-4fj2KdlW", "sk_live_4fj2KdlWq81", "hf_aBcDeFgHiJkLmNoP", "gsk_aBcDeFgHiJkL", "Bearer abc", "$OPENAI_API_KEY", ""])(
    "take no key for the name of a variable: %s",
    (apiKeyEnv) => {
      const problems = Settings.safeParse({ apiKeyEnv, candidate: { apiKeyEnv } }).error?.issues ?? [];
      expect(problems.map((issue) => issue.path.join("."))).toEqual(["apiKeyEnv", "candidate.apiKeyEnv"]);
      for (const { message } of problems) expect(message).toMatch(/name of an environment variable/);
    },
  );

  it.each(["http://me:hunter2@127.0.0.1:9/v1", "https://hunter2@host/v1", "https://:hunter2@host/v1"])(
    "take no credentials in a base URL, and say where keys go: %s",
    (baseUrl) => {
      const settings = { baseUrl, chairman: { baseUrl }, panel: [{ name: "a", focus: "A", baseUrl }] };
      const { error } = Settings.safeParse(settings);
      expect(error?.issues.map((issue) => issue.path.join("."))).toEqual(["baseUrl", "chairman.baseUrl", "panel.0.baseUrl"]);
      for (const { message } of error?.issues ?? []) expect(message).toMatch(/credentials.*environment variable that apiKeyEnv names/);
      expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
    },
  );

  it("name a reviewer in any script", () => {
    expect(Settings.parse({ panel: [{ name: "Überprüfung 事実", focus: "x" }] }).panel[0]?.name).toBe("Überprüfung 事実");
  });
});

describe("resolveModelSettings", () => {
  const shared: SettingsInput = { model: "openai:big", baseUrl: "http://127.0.0.1:8000/v1", apiKeyEnv: "BIG_KEY" };

  it("takes what a role leaves out from the run", () => {
    const settings = Settings.parse(shared);
    expect(resolveModelSettings(settings, settings.candidate)).toEqual({ ...shared, temperature: 0.1, maxOutputTokens: 2048 });
  });

  it("takes what a role sets from the role", () => {
    const own = { model: "openai:small", baseUrl: "http://127.0.0.1:9000/v1", apiKeyEnv: "SMALL_KEY", temperature: 1, maxOutputTokens: 64 };
    const settings = Settings.parse({ ...shared, chairman: own, panel: [{ name: "a", focus: "A", ...own }] });
    expect(resolveModelSettings(settings, settings.chairman)).toEqual(own);
    for (const reviewer of settings.panel) expect(resolveModelSettings(settings, reviewer)).toEqual(own);
  });

  it("lets a role leave the run's endpoint for OpenAI's own", () => {
    const settings = Settings.parse({ ...shared, candidate: { baseUrl: null } });
    expect(resolveModelSettings(settings, settings.candidate)).toMatchObject({ baseUrl: null, model: "openai:big" });
  });
});

describe("a mode", () => {
  it.each([
    ["single_turn", [], 1],
    ["no_review", [], 4],
    ["one_review", ["a"], 4],
    ["multi_review", ["a", "b"], 4],
  ] as const)("%s seats %j for %i turns", (mode, seated, turns) => {
    const settings = Settings.parse({ mode, panel, turns: 4 });
    expect(getActiveReviewers(settings).map((reviewer) => reviewer.name)).toEqual(seated);
    expect(getTurnCount(settings)).toBe(turns);
  });
});
