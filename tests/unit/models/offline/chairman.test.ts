import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { nextInstruction } from "../../../../src/models/offline/chairman.js";
import { reviewAnswer } from "../../../../src/models/offline/reviewer.js";
import { buildChairmanPrompt, parseInstruction } from "../../../../src/prompts/chairman.js";
import type { ConversationMessage } from "../../../../src/state/conversation.js";
import type { Review } from "../../../../src/state/records.js";
import { anyText, rehearse, say, settings } from "../../../support/offline-conversation.js";

const seed = "Explain sourdough hydration for rye flour";
const scores = { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 };

function after(answer: string): ConversationMessage[] {
  return [
    { role: "user", content: seed },
    { role: "assistant", content: answer },
  ];
}

function deeper(answer: string): string {
  const { critique } = reviewAnswer({ instruction: seed, answer, wordLimit: 300, focus: [] });
  return nextInstruction({ messages: after(answer), critiques: [critique, critique, critique], direction: "depth" });
}

/** A long, well-founded answer that has every term; what is appended is its only fault. */
const sound = [
  "Sourdough wants a wet dough, because rye drinks a lot. Begin low with the hydration and add water by the spoon, so that you feel where the flour gives in.",
  "For example, take seventy grams of water to a hundred of flour today and eighty tomorrow, keep all the rest alike, and set both loaves side by side on the table when they have cooled for an hour.",
].join("\n\n");

describe("nextInstruction", () => {
  it("goes after a term that the answer left out", () => {
    expect(deeper(sound.replaceAll("hydration", "amount"))).toContain("hydration");
  });

  it("pins a hedge down", () => {
    expect(deeper(`${sound} ${"It depends. ".repeat(8)}`)).toMatch(/It depends|commit|depend/);
  });

  it("asks a thin answer for what it lacks", () => {
    const question = deeper("Sourdough hydration for rye flour is high.");
    expect(question).toMatch(/Why|worked example|How do you know|hardest|in detail|be wrong/);
    expect(question).toMatch(/sourdough|rye|hydration/);
  });

  it("asks beyond a phrase that keeps coming back", () => {
    expect(deeper(`${sound} ${"Wet hands make it so. ".repeat(6)}`)).toContain("wet hands make it");
  });

  it("finds its thread in a critique of any other hand", () => {
    const critique = "Der Abschnitt zu flour bleibt eine bloße Behauptung.";
    expect(nextInstruction({ messages: after(sound), critiques: [critique], direction: "depth" })).toContain("flour");
  });

  it("opens another side of the seed's own topic, turn after turn, on breadth", async () => {
    const turns = await rehearse(seed, 21, "breadth");
    const sides = turns.slice(1).map(({ instruction }) => {
      expect(instruction).toMatch(/sourdough hydration|rye flour/);
      return instruction.replace(/sourdough hydration|rye flour/, "…");
    });
    expect(new Set(sides).size).toBe(20);
  });

  it.each(["breadth", "depth", "follow_up", undefined] as const)(
    "never repeats itself over 100 turns of %s",
    { timeout: 60_000 },
    async (direction) => {
      const turns = await rehearse("How do I start?", 100, direction);
      expect(new Set(turns.map((turn) => turn.instruction)).size).toBe(100);
    },
  );

  it("keeps the user's words in any language", async () => {
    const [, chinese] = await rehearse("请解释光合作用的历史", 2, "breadth");
    expect(chinese?.instruction).toMatch(/光合作用|历史/);
    const [, arabic] = await rehearse("اشرح الطاقة الشمسية", 2, "breadth");
    expect(arabic?.instruction).toContain("الطاقة الشمسية");
  });

  it("passes the parser, within 60 words, for any conversation and any critiques", async () => {
    const line = fc.record({ role: fc.constantFrom("system" as const, "user" as const, "assistant" as const), content: anyText });
    const direction = fc.constantFrom("depth" as const, "breadth" as const, "follow_up" as const);
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 6 }),
        fc.array(anyText, { maxLength: 3 }),
        direction,
        async (messages, critiques, evolution) => {
          const reviews = critiques.map((critique): Review => ({ reviewer: "one", scores, verdict: "negative", critique }));
          const reply = await say(buildChairmanPrompt(settings, { messages, reviews, verdict: null, evolution }));
          expect(parseInstruction(reply, messages).split(/\s+/).length).toBeLessThanOrEqual(60);
        },
      ),
      { numRuns: 300 },
    );
  });
});
