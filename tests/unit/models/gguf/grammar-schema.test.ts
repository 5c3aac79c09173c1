import { describe, expect, it } from "vitest";

import { toGrammarSchema } from "../../../../src/models/gguf/grammar-schema.js";
import { isLooping } from "../../../../src/models/gguf/is-looping.js";
import { getCachePath, parseHubReference } from "../../../../src/models/gguf/hub-file.js";
import { loadLlamaModule } from "../../../../src/models/gguf/llama-module.js";
import { reviewResponseSchema } from "../../../../src/prompts/reviewer.js";
import { getRejection } from "../../../support/get-rejection.js";

describe("toGrammarSchema", () => {
  it.each<[Record<string, unknown>, Record<string, unknown>]>([
    [{ type: "integer", minimum: 1, maximum: 4 }, { enum: [1, 2, 3, 4] }],
    [{ type: "integer", minimum: 0 }, { type: "integer" }],
    [{ type: "integer", minimum: 0, maximum: 1e9 }, { type: "integer" }],
    [
      { type: "string", pattern: "^a", maxLength: 5, title: "T" },
      { type: "string", maxLength: 5 },
    ],
    [
      { type: "object", properties: { minimum: { type: "string", format: "x" } }, required: ["minimum"] },
      { type: "object", properties: { minimum: { type: "string" } }, required: ["minimum"] },
    ],
    [
      { anyOf: [{ type: "null" }, { type: "array", items: { type: "integer", minimum: 1, maximum: 2 } }] },
      { anyOf: [{ type: "null" }, { type: "array", items: { enum: [1, 2] } }] },
    ],
  ])("converts %j", (schema, expected) => {
    expect(toGrammarSchema(schema)).toEqual(expected);
  });

  it("keeps the scores of a review within their bounds", () => {
    expect(JSON.stringify(toGrammarSchema(reviewResponseSchema.schema))).toContain('"accuracy":{"enum":[1,2,3,4,5,6,7,8,9,10]}');
  });
});

describe("isLooping", () => {
  it.each([
    ["a sentence again and again", `Bread is made of flour. ${"It is the same thing. ".repeat(6)}`, true],
    ["a long unit", "The first reason is that the answer is good and the second reason is as well. ".repeat(5), true],
    ["four times only", "It is the same thing. ".repeat(4), false],
    ["a list", Array.from({ length: 40 }, (_, index) => `${index}. item number ${index * 7}\n`).join(""), false],
    ["a short text", "no no no", false],
    ["a loop that ended", `${"It is the same thing. ".repeat(9)} But then something else comes at the very end.`, false],
  ])("tells for %s", (_name, text, expected) => {
    expect(isLooping(text)).toBe(expected);
  });
});

describe("parseHubReference", () => {
  it.each([
    ["model.gguf", null],
    ["./hf/model.gguf", null],
    ["hf:owner/repo/model.gguf", { owner: "owner", repository: "repo", file: "model.gguf" }],
    ["hf:owner/repo-1.5/Q4/model.Q4_1.gguf", { owner: "owner", repository: "repo-1.5", file: "Q4/model.Q4_1.gguf" }],
  ])("parses %j", (name, expected) => {
    expect(parseHubReference(name)).toEqual(expected);
  });

  it.each(["hf:", "hf:owner/repo", "hf:owner/../x", "hf:o/r/a b", "hf:o/r/../../x"])("throws for %j", (name) => {
    expect(() => parseHubReference(name)).toThrow("Write gguf:hf:owner/repository/file.gguf");
  });

  it("keeps files in the user's cache", () => {
    const reference = { owner: "o", repository: "r", file: "q/m.gguf" };
    expect(getCachePath(reference, { XDG_CACHE_HOME: "/cache" })).toBe("/cache/review-instruct/models/o/r/q/m.gguf");
  });
});

describe("loadLlamaModule", () => {
  it("names the command that installs a missing package", async () => {
    const missing = Object.assign(new Error("Cannot find package 'node-llama-cpp' imported from x"), { code: "ERR_MODULE_NOT_FOUND" });
    const error = await getRejection(loadLlamaModule(() => Promise.reject(missing)));
    expect(String(error)).toContain("which is not installed. Install it: npm install node-llama-cpp@3");
  });

  it("refuses a package of another shape", async () => {
    expect(String(await getRejection(loadLlamaModule(() => Promise.resolve({}))))).toContain("has no getLlama or LlamaChat");
  });
});
