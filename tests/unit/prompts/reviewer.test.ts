import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseQuotes } from "../../../src/model-calls/quote-untrusted.js";
import { ResponseValidationError } from "../../../src/model-calls/json-output.js";
import { parseReview, reviewResponseSchema, buildReviewerPrompt } from "../../../src/prompts/reviewer.js";
import { reviewDimensions } from "../../../src/state/records.js";
import { ReviewerSettings, Settings } from "../../../src/state/settings.js";
import { hostileTexts } from "../../support/hostile-texts.js";

const reviewer = ReviewerSettings.parse({ name: "rigour", focus: "Proofs that cost $& and $1" });

function promptFor(messages: Parameters<typeof buildReviewerPrompt>[2]) {
  const messages = buildReviewerPrompt(Settings.parse({ wordLimit: 123 }), reviewer, messages);
  return { messages, system: messages[0]?.text ?? "", material: messages[1]?.text ?? "" };
}

describe("what a reviewer is told", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom(...hostileTexts));

  it("is the conversation to the letter: earlier messages, the newest instruction, its answer", () => {
    fc.assert(
      fc.property(text, text, text, text, (first, reply, instruction, answer) => {
        const { material } = promptFor([
          { role: "user", content: first },
          { role: "assistant", content: reply },
          { role: "user", content: instruction },
          { role: "assistant", content: answer },
        ]);
        expect(parseQuotes(material)).toEqual([
          { label: "user", text: first },
          { label: "assistant", text: reply },
          { label: "instruction", text: instruction },
          { label: "answer", text: answer },
        ]);
      }),
    );
  });

  it("keeps what others wrote out of its orders", () => {
    const { system, material, messages } = promptFor([
      { role: "user", content: "Seed text." },
      { role: "assistant", content: "Answer text." },
    ]);
    expect(messages.map((message) => message.getType())).toEqual(["system", "human"]);
    expect(system).not.toMatch(/Seed text|Answer text/);
    expect(material).not.toContain("Earlier in the conversation");
  });

  it("names the focus, the word limit and every field of the reply", () => {
    const { system } = promptFor([
      { role: "user", content: "Q" },
      { role: "assistant", content: "A" },
    ]);
    expect(system).toContain(reviewer.focus);
    expect(system).toContain("123 words");
    for (const field of [...reviewDimensions, "critique", "scores", "verdict"]) expect(system).toContain(`"${field}"`);
  });
});

describe("parseReview", () => {
  const reply = {
    critique: "No source for the 40 %.",
    scores: { usefulness: 7, relevance: 8, accuracy: 3, depth: 5, creativity: 4 },
    verdict: "negative",
  };

  function withScore(accuracy: unknown): string {
    return JSON.stringify({ ...reply, scores: { ...reply.scores, accuracy } });
  }

  it("reads a review as asked for", () => {
    expect(parseReview(JSON.stringify(reply))).toEqual(reply);
  });

  it.each([
    [8, 8],
    [8.5, 8.5],
    ["8", 8],
    [" 8 ", 8],
    ["8/10", 8],
    ["8 / 10", 8],
    ["8 out of 10", 8],
    ["8 Out Of 10", 8],
    ["7.5/10", 7.5],
    ["7,5", 7.5],
    ["8 von 10", 8],
    ["10/10", 10],
  ])("takes the score %j for %d", (written, meant) => {
    expect(parseReview(withScore(written)).scores.accuracy).toBe(meant);
  });

  it.each([0, 11, -3, "0/10", "80/100", "8/5", "8 of them", "high", "", null, [8], true, "NaN", "1e1"])("refuses the score %j", (written) => {
    expect(() => parseReview(withScore(written))).toThrow(/scores\.accuracy: /);
  });

  it.each([" Positive", "NEGATIVE\n"])("reads the verdict %j", (verdict) => {
    expect(parseReview(JSON.stringify({ ...reply, verdict })).verdict).toBe(verdict.trim().toLowerCase());
  });

  it.each([
    ["an unknown verdict", { ...reply, verdict: "mixed" }, /verdict: /],
    ["no verdict", { ...reply, verdict: undefined }, /verdict: /],
    ["an empty critique", { ...reply, critique: "  " }, /critique: /],
    ["a critique in points", { ...reply, critique: ["a", "b"] }, /critique: /],
    ["a dimension left out", { ...reply, scores: { ...reply.scores, depth: undefined } }, /scores\.depth: /],
    ["no scores", { critique: reply.critique, verdict: reply.verdict }, /scores: /],
    ["a verdict alone", { verdict: "positive" }, /critique: .*scores: /],
  ])("refuses %s and names it", (_, written, message) => {
    expect(() => parseReview(JSON.stringify(written))).toThrow(message);
    expect(() => parseReview(JSON.stringify(written))).toThrow(ResponseValidationError);
  });

  it("drops what was not asked for", () => {
    expect(parseReview(JSON.stringify({ ...reply, reviewer: "chairman", thinking: "hm" }))).toEqual(reply);
  });

  it.each(hostileTexts)("keeps a critique to the letter: %j", (critique) => {
    expect(parseReview(JSON.stringify({ ...reply, critique })).critique).toBe(critique.trim());
  });
});

describe("the schema for endpoints", () => {
  it("is strict all the way down, and puts the critique before what follows from it", () => {
    const { schema } = reviewResponseSchema;
    expect(Object.keys(schema.properties)).toEqual(["critique", "scores", "verdict"]);
    expect(schema).toMatchObject({ additionalProperties: false, required: ["critique", "scores", "verdict"] });
    expect(schema.properties.scores).toMatchObject({ additionalProperties: false, required: [...reviewDimensions] });
    expect(Object.keys(schema.properties.scores.properties)).toEqual([...reviewDimensions]);
  });
});
