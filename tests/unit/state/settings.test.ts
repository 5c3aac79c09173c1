import { inspect } from "node:util";

import { describe, expect, it } from "vitest";
import { z } from "zod";

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
      temperature: 0.1,
      maxOutputTokens: 2048,
      topP: null,
      stop: [],
      maxTokensParameter: null,
      systemRole: null,
      headers: {},
      extraBody: {},
      candidate: {},
      chairman: {},
    });
    expect(settings.panel).toHaveLength(3);
    const foci = settings.panel.map(({ focus }) => focus.toLowerCase()).join(" ");
    for (const dimension of ["useful", "relevan", "accura", "depth", "creativ"]) expect(foci).toContain(dimension);
  });

  const allModelSettings = {
    model: "openai:x",
    baseUrl: "https://me.openai.azure.com/openai/v1",
    apiKeyEnv: "MY_KEY",
    headers: { "api-key": "AZURE_OPENAI_API_KEY" },
    temperature: null,
    maxOutputTokens: 64,
    topP: 0.9,
    samplingSeed: 7,
    stop: ["END"],
    frequencyPenalty: -0.5,
    presencePenalty: 0.5,
    repetitionPenalty: 1.1,
    maxTokensParameter: "max_completion_tokens",
    systemRole: "merge",
    extraBody: { chat_template_kwargs: { enable_thinking: false }, provider: { order: ["a"] } },
  } as const;

  it("settings take every model setting for the run, for each role and for each reviewer", () => {
    const given = { ...allModelSettings, candidate: allModelSettings, chairman: allModelSettings, panel: [{ ...reviewer, ...allModelSettings }] };
    expect(Settings.parse(given)).toMatchObject(given);
  });

  it("settings offer every model setting of the run in the forms of all roles", () => {
    const { properties = {} } = z.toJSONSchema(Settings, { io: "input" });
    for (const name of Object.keys(allModelSettings)) {
      expect(properties[name]).toMatchObject({ langgraph_nodes: ["candidate", "reviewer", "chairman"], title: expect.any(String) });
    }
    expect(properties.temperature).toMatchObject({ default: 0.1, minimum: 0, maximum: 2 });
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
    ["a temperature in words", "temperature", { temperature: "none" }],
    ["a topP of zero", "topP", { topP: 0 }],
    ["a topP above 1", "candidate.topP", { candidate: { topP: 1.1 } }],
    ["half a sampling seed", "samplingSeed", { samplingSeed: 0.5 }],
    ["a stop sequence without a list", "stop", { stop: "END" }],
    ["an empty stop sequence", "stop.0", { stop: [""] }],
    ["a penalty above the maximum", "chairman.presencePenalty", { chairman: { presencePenalty: 3 } }],
    ["a repetition penalty of zero", "repetitionPenalty", { repetitionPenalty: 0 }],
    ["an unknown name of the output limit", "maxTokensParameter", { maxTokensParameter: "max_new_tokens" }],
    ["an unknown system role", "systemRole", { systemRole: "user" }],
    ["extra fields that are no object", "extraBody", { extraBody: ["a"] }],
    ["an extra field that is no JSON", "extraBody", { extraBody: { a: [() => 1] } }],
    ["an extra field with an infinite number", "extraBody", { extraBody: { a: Infinity } }],
    ["an extra field that another setting sets", "extraBody.top_p", { extraBody: { top_p: 1 } }],
    ["an extra field with an output limit", "candidate.extraBody.max_tokens", { candidate: { extraBody: { max_tokens: 9 } } }],
    ["an extra field with the model", "panel.0.extraBody.model", { panel: [{ ...reviewer, extraBody: { model: "x" } }] }],
    ["a header whose value is a key", "headers.api-key", { headers: { "api-key": "sk-4fj2KdlWq81" } }],
    ["a name that no header can have", "headers.api key", { headers: { "api key": "MY_KEY" } }],
    ["a header of the connection", "headers.Content-Length", { headers: { "Content-Length": "MY_KEY" } }],
    ["OpenAI's name of a setting", "candidate", { candidate: { top_p: 1 } }],
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
