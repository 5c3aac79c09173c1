import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Task, answerTask } from "../../../../src/models/offline/candidate.js";
import { countWords } from "../../../../src/models/offline/terms.js";
import { parseAnswer } from "../../../../src/prompts/candidate.js";
import { anyText } from "../../../support/offline-conversation.js";

function answer(instruction: string, task: Partial<Task> = {}): string {
  return answerTask({ instruction, earlier: [], wordLimit: 300, ...task });
}

const places = ["Kyoto", "Lagos", "Lima", "Oslo", "Perth", "Riga", "Cairo", "Quito", "Dakar", "Turin", "Minsk", "Accra"];

describe("answerTask", () => {
  it.each([
    ["How do I prune apple trees in winter?", /prune|apple|trees|winter/],
    ["请解释光合作用的过程", /光合作用|过程/],
    ["日本の茶道の歴史について説明してください。", /日本|茶道|歴史/],
    ["اشرح الطاقة الشمسية", /الطاقة|الشمسية/],
  ])("speaks of what was asked: %s", (instruction, terms) => {
    expect(answer(instruction)).toMatch(terms);
  });

  it("takes up the material under a blank line, and the earlier conversation", () => {
    const letters = places.map((place) => answer(`Summarise this letter.\n\nThe ferry from ${place} was late; the ferry company pays nothing.`));
    expect(letters.some((text) => /ferry/.test(text))).toBe(true);
    const followed = places.map((place) => answer(`What does a house in ${place} cost?`, { earlier: ["Tell me about mortgages."] }));
    expect(followed.some((text) => text.includes("mortgages"))).toBe(true);
  });

  it("answers in many ways: briefly and at length, in lists and in paragraphs", () => {
    const answers = places.flatMap((place) => [
      answer(`Describe the harbour, markets, trams and parks of ${place}`),
      answer(`Why does ${place} flourish?`),
    ]);
    const lengths = answers.map(countWords);
    expect(Math.min(...lengths)).toBeLessThan(50);
    expect(Math.max(...lengths)).toBeGreaterThan(80);
    expect(answers.some((text) => /^1\. /m.test(text))).toBe(true);
    expect(answers.some((text) => !text.includes("\n"))).toBe(true);
    expect(new Set(answers).size).toBe(answers.length);
  });

  it("keeps to the word limit and always says something, whatever it is asked", () => {
    fc.assert(
      fc.property(anyText, fc.array(anyText, { maxLength: 3 }), fc.integer({ min: 10, max: 300 }), (instruction, earlier, wordLimit) => {
        const text = parseAnswer(answer(instruction, { earlier, wordLimit }));
        expect(countWords(text)).toBeLessThanOrEqual(wordLimit);
      }),
    );
  });

  it("answers the same instruction alike, and another one at another point of the conversation", () => {
    expect(answer("What is rain?")).toBe(answer("What is rain?"));
    const later = [1, 2, 3, 4].map((turns) => answer("What is rain?", { earlier: Array.from({ length: turns }, () => "?") }));
    expect(new Set(later).size).toBeGreaterThan(1);
  });
});
