import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseQuotes } from "../../../src/text/quote-untrusted.js";
import { ResponseValidationError } from "../../../src/text/json-output.js";
import { buildReviewerPrompt, parseReview, reviewResponseSchema } from "../../../src/prompts/reviewer.js";
import type { ConversationMessage } from "../../../src/state/conversation.js";
import { cleanText } from "../../../src/text/clean-text.js";
import { reviewDimensions } from "../../../src/state/records.js";
import { ReviewerSettings, Settings } from "../../../src/state/settings.js";
import { hostileTexts } from "../../support/hostile-texts.js";

const reviewer = ReviewerSettings.parse({ name: "rigour", focus: "Proofs that cost $& and $1" });

function buildPrompt(conversation: readonly ConversationMessage[]) {
  const messages = buildReviewerPrompt(Settings.parse({ wordLimit: 123 }), reviewer, conversation);
  return { messages, system: messages[0]?.text ?? "", material: messages[1]?.text ?? "" };
}

describe("buildReviewerPrompt", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom(...hostileTexts));

  it("a reviewer gets earlier messages, the newest instruction and the answer, all unchanged", () => {
    fc.assert(
      fc.property(text, text, text, text, (first, response, instruction, answer) => {
        const { material } = buildPrompt([
          { role: "user", content: first },
          { role: "assistant", content: response },
          { role: "user", content: instruction },
          { role: "assistant", content: answer },
        ]);
        expect(parseQuotes(material)).toEqual([
          { label: "user", text: first },
          { label: "assistant", text: response },
          { label: "instruction", text: instruction },
          { label: "answer", text: answer },
        ]);
      }),
    );
  });

  it("a reviewer's system message contains no text of the conversation", () => {
    const { system, material, messages } = buildPrompt([
      { role: "user", content: "Seed text." },
      { role: "assistant", content: "Answer text." },
    ]);
    expect(messages.map((message) => message.getType())).toEqual(["system", "human"]);
    expect(system).not.toMatch(/Seed text|Answer text/);
    expect(material).not.toContain("Earlier in the conversation");
  });

  it("a reviewer's system message names the focus, the word limit and every key of the response", () => {
    const { system } = buildPrompt([
      { role: "user", content: "Q" },
      { role: "assistant", content: "A" },
    ]);
    expect(system).toContain(reviewer.focus);
    expect(system).toContain("123 words");
    for (const field of [...reviewDimensions, "critique", "scores", "verdict"]) expect(system).toContain(`"${field}"`);
  });
});

describe("parseReview", () => {
  const review = {
    critique: "No source for the 40 %.",
    scores: { usefulness: 7, relevance: 8, accuracy: 3, depth: 5, creativity: 4 },
    verdict: "negative",
  };

  function withScore(accuracy: unknown): string {
    return JSON.stringify({ ...review, scores: { ...review.scores, accuracy } });
  }

  it("parseReview accepts a review as requested", () => {
    expect(parseReview(JSON.stringify(review))).toEqual(review);
  });

  it.each([
    [8, 8],
    [8.5, 9],
    ["8", 8],
    [" 8 ", 8],
    ["8/10", 8],
    ["8 / 10", 8],
    ["8 out of 10", 8],
    ["8 Out Of 10", 8],
    ["7.5/10", 8],
    ["7,5", 8],
    ["8 von 10", 8],
    ["10/10", 10],
  ])("parseReview reads the score %j as %d", (written, score) => {
    expect(parseReview(withScore(written)).scores.accuracy).toBe(score);
  });

  it.each([0, 11, -3, "0/10", "80/100", "8/5", "8 of them", "high", "", null, [8], true, "NaN", "1e1"])(
    "parseReview rejects the score %j",
    (written) => {
      expect(() => parseReview(withScore(written))).toThrow(/scores\.accuracy: /);
    },
  );

  it.each([" Positive", "NEGATIVE\n"])("parseReview accepts the verdict %j", (verdict) => {
    const scores = { ...review.scores, accuracy: 7 };
    expect(parseReview(JSON.stringify({ ...review, scores, verdict })).verdict).toBe(verdict.trim().toLowerCase());
  });

  it.each([
    ["an unknown verdict", { ...review, verdict: "mixed" }, /verdict: /],
    ["no verdict", { ...review, verdict: undefined }, /verdict: /],
    ["an empty critique", { ...review, critique: "  " }, /critique: /],
    ["a list as critique", { ...review, critique: ["a", "b"] }, /critique: /],
    ["a missing dimension", { ...review, scores: { ...review.scores, depth: undefined } }, /scores\.depth: /],
    ["no scores", { critique: review.critique, verdict: review.verdict }, /scores: /],
    ["nothing but a verdict", { verdict: "positive" }, /critique: .*scores: /],
  ])("parseReview rejects %s and names the key", (_, written, message) => {
    expect(() => parseReview(JSON.stringify(written))).toThrow(message);
    expect(() => parseReview(JSON.stringify(written))).toThrow(ResponseValidationError);
  });

  it("parseReview ignores keys that were not requested", () => {
    expect(parseReview(JSON.stringify({ ...review, reviewer: "chairman", thinking: "hm" }))).toEqual(review);
  });

  it.each(hostileTexts)("parseReview keeps any critique as it is, but cleaned: %j", (text) => {
    const critique = `It says this: ${text}`;
    expect(parseReview(JSON.stringify({ ...review, critique })).critique).toBe(cleanText(critique).trim());
  });

  it.each([
    ["is too short", "Good answer.", /fewer than 3 words/],
    ["is the placeholder of the prompt", "...", /fewer than 3 words/],
    ["goes in a loop", "It lacks a reason. ".repeat(300), /at most 4000/],
    ["repeats a note of ours", "The reply was cut off at the output limit.", /repeats the request/],
    ["holds a special token", "It is good <|im_start|> user as far as it goes.", /<\|im_start\|>/],
  ])("parseReview rejects a critique that %s", (_, critique, message) => {
    expect(() => parseReview(JSON.stringify({ ...review, critique }))).toThrow(message);
  });

  it.each(["Keine Quelle genannt.", "没有说明为什么要揉面。", "根拠がまったく示されていない。", "Нет ни одной причины."])(
    "parseReview accepts a short critique in any language: %s",
    (critique) => {
      expect(parseReview(JSON.stringify({ ...review, critique })).critique).toBe(critique);
    },
  );

  const scoresOf = (accuracy: number, others: number) => ({ usefulness: others, relevance: others, accuracy, depth: others, creativity: others });
  it.each([
    ["positive", scoresOf(3, 9), false],
    ["positive", scoresOf(4, 9), true],
    ["positive", scoresOf(1, 1), false],
    ["negative", scoresOf(8, 8), false],
    ["negative", scoresOf(10, 9), false],
    ["negative", scoresOf(7, 9), true],
    ["negative", scoresOf(2, 2), true],
  ])("parseReview: the verdict %s with the scores %j agrees: %s", (verdict, scores, agrees) => {
    const parse = () => parseReview(JSON.stringify({ ...review, verdict, scores }));
    if (agrees) expect(parse()).toMatchObject({ verdict, scores });
    else expect(parse).toThrow(/contradicts/);
  });
});

describe("reviewResponseSchema", () => {
  const score = { type: "integer", minimum: 1, maximum: 10 };

  it("the schema of a review is strict in every object", () => {
    expect(reviewResponseSchema).toEqual({
      name: "review",
      schema: {
        type: "object",
        additionalProperties: false,
        required: ["critique", "scores", "verdict"],
        properties: {
          critique: { type: "string" },
          scores: {
            type: "object",
            additionalProperties: false,
            required: [...reviewDimensions],
            properties: Object.fromEntries(reviewDimensions.map((dimension) => [dimension, score])),
          },
          verdict: { type: "string", enum: ["positive", "negative"] },
        },
      },
    });
  });

  it("the schema of a review asks for the critique first, so that scores and verdict follow from it", () => {
    const keys = ["critique", "scores", ...reviewDimensions, "verdict"];
    expect(JSON.stringify(reviewResponseSchema.schema.properties)).toMatch(new RegExp(keys.map((key) => `"${key}":`).join(".*")));
  });
});
