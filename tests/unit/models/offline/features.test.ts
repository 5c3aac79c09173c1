import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { measureAnswer } from "../../../../src/models/offline/features.js";
import { keyTerms } from "../../../../src/models/offline/terms.js";
import { anyText } from "../../../support/offline-conversation.js";

const plain = (text: string) => text.normalize("NFKC").toLowerCase();

/** How often a phrase stands in a row of words. */
function occurrences(words: readonly string[], phrase: string): number {
  return words.filter((_, at) => words.slice(at, at + 4).join(" ") === phrase).length;
}

describe("measureAnswer", () => {
  it("measures an answer as a reader would count it", () => {
    const answer = [
      "Perhaps yeast matters, because it feeds on sugar. For example, honey may wake it up!",
      "1. Weigh the flour.\n2. Add water so that it sticks\n- rest",
      "Is that all? It might be.",
    ].join("\n\n");
    expect(measureAnswer(answer, "Explain yeast, flour and oven temperature", 300)).toEqual({
      words: 33,
      sentences: 7,
      paragraphs: 3,
      listItems: 3,
      wordLimit: 300,
      covered: ["yeast", "flour"],
      missing: ["oven", "temperature"],
      coverage: 0.5,
      hedges: ["Perhaps", "may", "might"],
      hedgeCount: 3,
      repeated: null,
      reasons: 2,
      examples: 1,
    });
  });

  it("names the phrase that recurs most", () => {
    const answer = "We go to the sea. You go to the sea. They go to the sea, and go to the hills.";
    expect(measureAnswer(answer, "x", 300).repeated).toEqual({ phrase: "go to the sea", times: 3 });
    expect(measureAnswer("one two three four. One two three four.", "x", 300).repeated).toBeNull();
  });

  it("does not take the month for a hedge, nor a part of a word", () => {
    expect(measureAnswer("In May the dismay of mayors is almighty.", "x", 300).hedges).toEqual([]);
  });

  it("counts sentences in other scripts", () => {
    expect(measureAnswer("植物需要光。它们也需要水！为什么？", "x", 300).sentences).toBe(3);
    expect(measureAnswer("ما هذا؟ هذا كتاب.", "x", 300).sentences).toBe(2);
  });

  it("holds for any two texts: shares within bounds, and nothing claimed that is not so", () => {
    fc.assert(
      fc.property(anyText, anyText, fc.integer({ min: 10, max: 1000 }), (instruction, answer, limit) => {
        const found = measureAnswer(answer, instruction, limit);
        const words = plain(answer).split(/[^\p{L}\p{M}\p{N}]+/u);
        expect(found.coverage).toBeGreaterThanOrEqual(0);
        expect(found.coverage).toBeLessThanOrEqual(1);
        for (const term of found.missing) expect(plain(answer)).not.toContain(plain(term));
        for (const term of found.missing) expect(words).not.toContain(plain(term));
        for (const term of found.covered) expect(plain(answer)).toContain(plain(term));
        for (const term of [...found.missing, ...found.covered]) expect(instruction).toContain(term);
        for (const hedge of found.hedges) expect(answer).toContain(hedge);
        expect(found.hedgeCount).toBeGreaterThanOrEqual(found.hedges.length);
      }),
    );
  });

  it("counts repetitions right, in answers that are made of few words", () => {
    const answer = fc.array(fc.constantFrom("red", "blue", "green"), { maxLength: 60 });
    fc.assert(
      fc.property(answer, (words) => {
        const { repeated } = measureAnswer(words.join(" "), "x", 300);
        const most = Math.max(0, ...words.map((_, at) => (at + 4 <= words.length ? occurrences(words, words.slice(at, at + 4).join(" ")) : 0)));
        expect(repeated?.times ?? 0).toBe(most >= 3 ? most : 0);
        if (repeated) expect(occurrences(words, repeated.phrase)).toBe(repeated.times);
      }),
    );
  });

  it("finds the share of terms that an answer repeats", () => {
    fc.assert(
      fc.property(fc.subarray(["yeast", "flour", "water", "salt"]), (kept) => {
        const instruction = "yeast flour water salt";
        expect(measureAnswer(`Here: ${kept.join(", ")}.`, instruction, 300).coverage).toBe(kept.length / keyTerms(instruction, 8).length);
      }),
    );
  });
});
