import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { buildCandidatePrompt, parseAnswer } from "../../../../src/prompts/candidate.js";
import { Settings } from "../../../../src/state/settings.js";
import { anyText, readSeedMessages, runOfflineConversation, getResponse, settings } from "../../../support/offline-conversation.js";

/** The answer to the last of some user messages, through the real prompt and parser. */
async function answer(asked: readonly string[], own: Partial<Settings> = {}): Promise<string> {
  const history = asked.flatMap((text, index) => [...(index > 0 ? [new AIMessage("So.")] : []), new HumanMessage(text)]);
  return parseAnswer(await getResponse(buildCandidatePrompt(Settings.parse({ ...settings, ...own }), history)));
}

/** Words apart by spaces; a Chinese character is one. */
function countWords(text: string): number {
  return text.match(/\p{Script=Han}|[^\s\p{Script=Han}]*[\p{L}\p{N}][^\s\p{Script=Han}]*/gu)?.length ?? 0;
}

const questions = {
  English: "Why does bread go stale in the fridge?",
  German: "Warum wird Brot im Kühlschrank so schnell alt?",
  French: "Pourquoi le pain rassit-il dans le frigo ?",
  Spanish: "¿Por qué se pone duro el pan en la nevera?",
  Chinese: "为什么面包放在冰箱里会变硬？",
};
const markers = {
  English: "(offline example 1)",
  German: "(Offline-Beispiel 1)",
  French: "(exemple hors ligne 1)",
  Spanish: "(ejemplo sin conexión 1)",
  Chinese: "（离线示例1）",
};
const languages = ["English", "German", "French", "Spanish", "Chinese"] as const;

describe("the offline candidate", () => {
  it.each(languages)("answers a question in %s in its language, and says that this is an offline example", async (language) => {
    expect((await answer([questions[language]])).startsWith(markers[language])).toBe(true);
  });

  it.each([
    "日本の茶道の歴史について説明してください。",
    "اشرح كيف تعمل الطاقة الشمسية",
    "Se eu trocar as peças, ela continua a mesma?",
    "Как печь хлеб?",
  ])("answers in marked English where it does not know the language: %s", async (question) => {
    expect(await answer([question])).toMatch(/^\(offline example 1, in English\) [A-Z]/);
  });

  it("keeps to the language of the first message", async () => {
    expect(await answer([questions.German, "And in the freezer?"])).toMatch(/^\(Offline-Beispiel 2\)/);
  });

  it.each(languages)("writes in %s when the setting says so, whatever the language of the question", async (language) => {
    for (const question of [...Object.values(questions), "Как печь хлеб?"]) {
      expect((await answer([question], { language })).startsWith(markers[language])).toBe(true);
    }
  });

  it.each(["Deutsch", "deutsch", "German (Switzerland)"])("knows a language by its own name and with additions: %s", async (language) => {
    expect(await answer([questions.English], { language })).toMatch(/^\(Offline-Beispiel 1\)/);
  });

  it("names the subject of the question in quotes", async () => {
    expect(await answer(["How do I keep a sourdough alive?"])).toContain('"sourdough"');
    expect(await answer(["Was braucht ein Sauerteig?"])).toContain("„Sauerteig“");
    expect(await answer(["请解释光合作用"])).toContain("“光合作用”");
  });

  it("takes up the question, not the material under it", async () => {
    const text = await answer(["Summarise the letter.\n\nDear Anna, the boiler leaks."]);
    expect(text).toContain('"letter"');
    expect(text).not.toContain("boiler");
  });

  it("has two to five sentences, the marker aside, in prose or as a list", async () => {
    const answers = await Promise.all(readSeedMessages().map((seed) => answer([seed])));
    for (const text of answers) {
      const sentences = text.match(/[.。](?=\s|$|\p{Script=Han}|“)/gu) ?? [];
      expect(sentences.length).toBeGreaterThanOrEqual(2);
      expect(sentences.length).toBeLessThanOrEqual(5);
    }
    expect(answers.some((text) => text.includes("\n- "))).toBe(true);
    expect(answers.some((text) => !text.includes("\n"))).toBe(true);
  });

  it("gives what the question asks for", async () => {
    expect(await answer(["Can you give me a reason for the crust?"])).toContain("because");
    expect(await answer(["Can you give me an example of the crust?"])).toContain("For example");
    expect(await answer(["Kannst du mir ein Beispiel zur Kruste geben?"])).toContain("zum Beispiel");
  });

  it("gives no answer twice in ten turns, the number in its marker aside", async () => {
    for (const seed of readSeedMessages().slice(0, 5)) {
      const turns = await runOfflineConversation(seed, 10);
      expect(new Set(turns.map((turn) => turn.answer.replace(/\d+/, ""))).size).toBe(10);
    }
  });

  it("gives no answer twice to the same question asked again and again", async () => {
    const asked = Array.from({ length: 10 }, () => "?");
    const answers = await Promise.all(asked.map((_, index) => answer(asked.slice(0, index + 1), { wordLimit: 10 })));
    expect(new Set(answers).size).toBe(10);
  });

  it("keeps to the word limit and always says something, whatever it is asked", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyText, { minLength: 1, maxLength: 3 }), fc.integer({ min: 10, max: 60 }), async (asked, wordLimit) => {
        expect(countWords(await answer(asked, { wordLimit }))).toBeLessThanOrEqual(wordLimit);
      }),
    );
  });

  it("answers the request of any other prompt as a candidate", async () => {
    const other = new SystemMessage('Rate the difficulty as JSON: {"difficulty": "easy"}');
    expect(await getResponse([other, new HumanMessage("Why is the sky blue?")])).toMatch(/^\(offline example 1\).*"sky"/);
    expect(await getResponse([new HumanMessage("Why is the sky blue?")])).toMatch(/^\(offline example 1\).*"sky"/);
  });
});
