import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { countWords, keyTerms, subjectOf, wordsOf } from "../../../../src/models/offline/terms.js";
import { anyText } from "../../../support/offline-conversation.js";

describe("wordsOf", () => {
  it("finds every word where it stands, in any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const words = wordsOf(text);
        for (const { text: word, start } of words) expect(text.slice(start, start + word.length)).toBe(word);
        for (const [index, word] of words.slice(1).entries()) expect(word.start).toBeGreaterThan(words[index]?.start ?? Infinity);
        expect(countWords(text)).toBe(words.length);
      }),
    );
  });

  it("parts words that no space parts", () => {
    expect(wordsOf("光合作用 works: don't panic").map((word) => word.text)).toEqual(["光合作用", "works", "don't", "panic"]);
    expect(wordsOf("ภาษาไทย").map((word) => word.text)).toEqual(["ภาษา", "ไทย"]);
  });
});

describe("countWords", () => {
  it("gets through a long text without a single space", () => {
    expect(countWords("的".repeat(150_000))).toBeGreaterThan(100_000);
  });
});

describe("keyTerms", () => {
  it("gives distinct words of the text itself", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const terms = keyTerms(text, 6);
        expect(terms.length).toBeLessThanOrEqual(6);
        expect(new Set(terms.map((term) => term.normalize("NFKC").toLowerCase())).size).toBe(terms.length);
        for (const term of terms) expect(text).toContain(term);
      }),
    );
  });

  it.each([
    ["Explain how solar panels work, and what solar panels cost.", ["solar", "panels", "cost"]],
    ["Wie funktioniert eine Wärmepumpe im Winter?", ["funktioniert", "Wärmepumpe", "Winter"]],
    ["اشرح كيف تعمل الطاقة الشمسية في المنازل", ["تعمل", "الطاقة", "الشمسية", "المنازل"]],
    ["日本の茶道の歴史について説明してください。", ["日本", "茶道", "歴史"]],
    ["What is it?", ["What", "is", "it"]],
    ["?!", []],
  ])("of %s", (text, terms) => {
    expect(keyTerms(text, 8)).toEqual(terms);
  });
});

describe("subjectOf", () => {
  it("keeps a request apart from the material under it", () => {
    expect(
      subjectOf("Summarise the letter.\n\nDear Anna, the boiler leaks. The boiler is new; please send a plumber to fix the letter box."),
    ).toEqual({
      terms: ["Summarise", "letter"],
      inputTerms: ["boiler", "Dear", "Anna", "leaks"],
      topics: ["Summarise", "letter"],
    });
  });

  it("joins key words that stand together", () => {
    expect(subjectOf("How do I keep a sourdough starter alive in a cold kitchen?").topics).toEqual(["sourdough starter alive", "cold kitchen"]);
  });
});
