import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { detectLanguage, getTopics, noTopic, pickByHash } from "../../../../src/models/offline/text.js";
import { anyText } from "../../../support/offline-conversation.js";

describe("detectLanguage", () => {
  it.each([
    ["en", "How do I keep basil alive in winter?"],
    ["en", "Baking bread"],
    ["en", "What does 你好 mean?"],
    ["en", ""],
    ["de", "Wie funktioniert eine Wärmepumpe im Winter?"],
    ["fr", "Pourquoi les feuilles changent-elles de couleur en automne ?"],
    ["es", "Explica la fotosíntesis"],
    ["zh", "请解释光合作用如何把光能转化为化学能。"],
    ["zh", "請解釋 TCP 和 UDP 的差別"],
    ["other", "日本の茶道の歴史について説明してください。"],
    ["other", "اشرح كيف تعمل الطاقة الشمسية في المنازل"],
    ["other", "ช่วยอธิบายการสังเคราะห์ด้วยแสง"],
    ["other", "Como funciona um motor elétrico? Não sei o que é."],
    ["other", "Jak zrobić chleb na zakwasie?"],
    ["other", "Hoe maak ik brood?"],
  ])("finds %s in: %s", (language, text) => {
    expect(detectLanguage(text)).toBe(language);
  });
});

describe("getTopics", () => {
  it.each([
    ["My sourdough spreads into a pancake in the fridge.", ["sourdough", "pancake", "fridge"]],
    ["What should I know about the cost when it comes to “rye”?", ["rye", "cost"]],
    ["Was sollte ich bei „Tomaten“ über die Dauer wissen?", ["Tomaten", "Dauer"]],
    ["Combien coûte l'eau ?", ["eau", "Combien", "coûte"]],
    ["日本の茶道の歴史について説明してください。", ["日本", "茶道", "歴史"]],
    ["Fix this.\n\nThe boiler leaks.", ["Fix"]],
    ["Why?\n\nThe boiler leaks.", ["boiler", "leaks"]],
    ["?!", [noTopic]],
  ])("gets what this is about: %j", (text, topics) => {
    expect(getTopics(text)).toEqual(topics);
  });

  it("gets one to three short and different words of any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const topics = getTopics(text);
        expect(topics.length).toBeGreaterThanOrEqual(1);
        expect(topics.length).toBeLessThanOrEqual(3);
        expect(new Set(topics).size).toBe(topics.length);
        for (const topic of topics) {
          expect(topic === noTopic || text.includes(topic)).toBe(true);
          expect(topic.length).toBeLessThanOrEqual(30);
        }
      }),
    );
  });
});

describe("reading a text", () => {
  it("gets through long texts without spaces", () => {
    for (const text of ["的".repeat(500_000), "a".repeat(500_000), "\n ".repeat(250_000), "\ud800".repeat(500_000), '"'.repeat(500_000)]) {
      expect(getTopics(text).length).toBeGreaterThan(0);
      expect(["en", "zh", "other"]).toContain(detectLanguage(text));
    }
  });
});

describe("pickByHash", () => {
  it("picks the same item for the same text, and each item once as the offset goes on", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const picked = [0, 1, 2].map((offset) => pickByHash(["a", "b", "c"], text, offset));
        expect(picked.toSorted()).toEqual(["a", "b", "c"]);
        expect(pickByHash(["a", "b", "c"], text)).toBe(picked[0]);
      }),
    );
  });

  it("picks each item of a list for some text", () => {
    const picked = Array.from({ length: 100 }, (_, index) => pickByHash(["a", "b", "c", "d", "e"], `text ${index}`));
    expect(new Set(picked).size).toBe(5);
  });
});
