import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { Settings, maxTurns } from "../../../src/state/settings.js";

const reviewer = { name: "a", focus: "A" };

describe("Settings", () => {
  it("settings default to the full method with three reviewers and the offline model", () => {
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
    for (const member of settings.panel) expect(member).toMatchObject({ temperature: 0.1, maxOutputTokens: 2048 });
    const foci = settings.panel.map(({ focus }) => focus.toLowerCase()).join(" ");
    for (const dimension of ["useful", "relevan", "accura", "depth", "creativ"]) expect(foci).toContain(dimension);
  });

  it("settings add defaults to a role that is given in part", () => {
    expect(Settings.parse({ candidate: { temperature: 0.7 } }).candidate).toMatchObject({ temperature: 0.7, maxOutputTokens: 2048 });
  });

  it.each<[string, string, Record<string, unknown>]>([
    ["zero turns", "turns", { turns: 0 }],
    ["half a turn", "turns", { turns: 1.5 }],
    ["more than the maximum number of turns", "turns", { turns: maxTurns + 1 }],
    ["an unknown mode", "mode", { mode: "all_review" }],
    ["an empty panel", "panel", { panel: [] }],
    ["two reviewers with the same name", "panel", { panel: [reviewer, reviewer] }],
    ["two names that differ only in white space", "panel", { panel: [reviewer, { name: " a ", focus: "A" }] }],
    ["a name with a line break", "panel.0.name", { panel: [{ name: "a\nb", focus: "A" }] }],
    ["a blank name", "panel.0.name", { panel: [{ name: "  ", focus: "A" }] }],
    ["a reviewer without focus", "panel.0.focus", { panel: [{ name: "a", focus: " " }] }],
    ["a model name in place of a panel", "panel", { panel: "gpt-4o" }],
    ["a model name in place of a reviewer", "panel.0", { panel: ["gpt-4o"] }],
    ["a misspelled field of a role", "candidate", { candidate: { temprature: 1 } }],
    ["a base URL that is not a URL", "baseUrl", { baseUrl: "localhost:8000" }],
    ["a base URL with another protocol", "baseUrl", { baseUrl: "file:///etc/passwd" }],
    ["a temperature above the maximum", "chairman.temperature", { chairman: { temperature: 2.1 } }],
    ["zero output tokens", "candidate.maxOutputTokens", { candidate: { maxOutputTokens: 0 } }],
    ["a quorum of zero", "quorum", { quorum: 0 }],
    ["an empty model name", "model", { model: " " }],
    ["an empty language", "language", { language: "" }],
  ])("settings reject %s and name its path", (_, path, settings) => {
    const result = Settings.safeParse(settings);
    expect(result.error?.issues.map((issue) => issue.path.join("."))).toEqual([path]);
  });

  it.each(["sk-proj-4fj2KdlW", "sk_live_4fj2KdlWq81", "hf_aBcDeFgHiJkLmNoP", "gsk_aBcDeFgHiJkL", "Bearer abc", "$OPENAI_API_KEY", ""])(
    "settings reject the API key %j as the name of an environment variable",
    (apiKeyEnv) => {
      const issues = Settings.safeParse({ apiKeyEnv, candidate: { apiKeyEnv } }).error?.issues ?? [];
      expect(issues.map((issue) => issue.path.join("."))).toEqual(["apiKeyEnv", "candidate.apiKeyEnv"]);
      for (const { message } of issues) expect(message).toMatch(/name of an environment variable/);
    },
  );

  it.each(["http://me:hunter2@127.0.0.1:9/v1", "https://hunter2@host/v1", "https://:hunter2@host/v1"])(
    "settings reject credentials in the base URL %s, say where keys belong, and do not repeat them",
    (baseUrl) => {
      const settings = { baseUrl, chairman: { baseUrl }, panel: [{ name: "a", focus: "A", baseUrl }] };
      const { error } = Settings.safeParse(settings);
      expect(error?.issues.map((issue) => issue.path.join("."))).toEqual(["baseUrl", "chairman.baseUrl", "panel.0.baseUrl"]);
      for (const { message } of error?.issues ?? []) expect(message).toMatch(/credentials.*environment variable that apiKeyEnv names/);
      expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
    },
  );

  it("settings accept reviewer names in any script", () => {
    expect(Settings.parse({ panel: [{ name: "Überprüfung 事実", focus: "x" }] }).panel[0]?.name).toBe("Überprüfung 事実");
  });
});
