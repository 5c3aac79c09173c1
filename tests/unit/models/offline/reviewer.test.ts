import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseReview, buildReviewerPrompt } from "../../../../src/prompts/reviewer.js";
import { reviewDimensions } from "../../../../src/state/records.js";
import { Settings } from "../../../../src/state/settings.js";
import { anyText, getResponse, settings } from "../../../support/offline-conversation.js";

const instruction = "Explain the yeast and the oven.";
const sound = "The yeast needs time because it is slow, and the oven needs heat. First weigh the flour. For example, take a cup of rye.";

/** The review by a reviewer of the default panel (or one of another focus), through the real prompt and parser. */
async function review(name: string, answer: string, question = instruction) {
  const reviewer = settings.panel.find((member) => member.name === name) ?? { ...Settings.parse({}).panel[0], name: "own", focus: name };
  const [member] = Settings.parse({ panel: [{ name: reviewer.name, focus: reviewer.focus }] }).panel;
  if (!member) throw new Error("no reviewer");
  const messages = [{ role: "user", content: question } as const, { role: "assistant", content: answer } as const];
  return parseReview(await getResponse(buildReviewerPrompt(settings, member, messages)));
}

const names = ["accuracy", "depth", "usefulness"] as const;
const votes = (answer: string) => Promise.all(names.map(async (name) => (await review(name, answer)).verdict));

describe("an offline reviewer", () => {
  it("scores each dimension by its check, one point further out in its focus", async () => {
    expect((await review("depth", sound)).scores).toEqual({ usefulness: 8, relevance: 8, accuracy: 8, depth: 9, creativity: 8 });
    expect((await review("accuracy", "Perhaps.")).scores).toEqual({ usefulness: 4, relevance: 3, accuracy: 3, depth: 4, creativity: 4 });
  });

  it.each([
    ["names no step", sound.replace("First weigh", "Weigh"), "usefulness"],
    ["leaves a topic out", sound.replace("oven", "stove"), "relevance"],
    ["hedges", sound.replace("needs heat", "perhaps needs heat"), "accuracy"],
    ["gives no reason", sound.replace("because", "and"), "depth"],
    ["shows no example", sound.replace("For example, take", "Take"), "creativity"],
  ] as const)("takes points from an answer that %s", async (_, answer, dimension) => {
    const { scores } = await review("Whether it is kind.", answer);
    for (const name of reviewDimensions) {
      if (name === dimension) expect(scores[name]).toBeLessThan(5);
      else expect(scores[name]).toBeGreaterThan(7);
    }
  });

  it("judges positively when its focus holds and at most two other checks fail", async () => {
    expect(await votes(sound)).toEqual(["positive", "positive", "positive"]);
    expect(await votes(sound.replace("because", "and"))).toEqual(["positive", "negative", "positive"]);
    expect(await votes(sound.replace("oven", "stove"))).toEqual(["negative", "positive", "positive"]);
    expect(await votes("The yeast and the oven matter because they do.")).toEqual(["positive", "positive", "negative"]);
    expect(await votes("Bread is slow because it is.")).toEqual(["negative", "negative", "negative"]);
  });

  it("quotes words of the answer and names what is missing", async () => {
    const noReason = await review("depth", "The yeast and the oven matter.");
    expect(noReason.critique).toBe('The answer says "The yeast and the oven matter", but on "yeast" it still needs a reason.');
    const noOven = await review("accuracy", sound.replace("oven", "stove"));
    expect(noOven.critique).toMatch(/^The answer says ".+", but on "oven" it still needs a direct answer\.$/);
    const hedged = await review("accuracy", "The yeast and the oven matter, perhaps a little.");
    expect(hedged.critique).toContain('"perhaps a little"');
    const good = await review("depth", sound);
    expect(good.critique).toMatch(/^The words "because it is slow" give the reader a reason, but the answer still needs a word on its limits\.$/);
  });

  it("differs from the others of the panel in scores and critique", async () => {
    for (const answer of [sound, "Perhaps.", "The yeast matters because it does."]) {
      const reviews = await Promise.all(names.map((name) => review(name, answer)));
      expect(new Set(reviews.map(({ critique }) => critique)).size).toBe(3);
      expect(new Set(reviews.map(({ scores }) => JSON.stringify(scores))).size).toBe(3);
    }
  });

  it("differs from others also where its focus names no dimension", async () => {
    const foci = ["Whether a child could follow it.", "Tone.", "Facts.", "Style.", "Grammar.", "Length."];
    const reviews = await Promise.all(foci.map((focus) => review(focus, "Perhaps.")));
    expect(new Set(reviews.map(({ scores }) => JSON.stringify(scores))).size).toBeGreaterThan(1);
  });

  it.each([
    ["Warum wird Brot alt?", "Die Antwort sagt „Brot trocknet“"],
    ["Pourquoi le pain rassit-il ?", "La réponse dit « Brot trocknet »"],
    ["¿Por qué se pone duro el pan?", "La respuesta dice «Brot trocknet»"],
    ["为什么面包会变硬？", "回答说“Brot trocknet”"],
    ["Как печь хлеб?", '(in English) The answer says "Brot trocknet"'],
  ])("writes its critique in the language of the instruction: %s", async (question, critique) => {
    expect((await review("depth", "Brot trocknet.", question)).critique.startsWith(critique)).toBe(true);
  });

  it("gives whole scores from 1 to 10 and one to three sentences, for any answer to any instruction", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), anyText, anyText, async (name, question, answer) => {
        const { scores, critique } = await review(name, answer, question);
        for (const dimension of reviewDimensions) {
          expect(Number.isInteger(scores[dimension])).toBe(true);
          expect(scores[dimension]).toBeGreaterThanOrEqual(1);
          expect(scores[dimension]).toBeLessThanOrEqual(10);
        }
        expect(critique.length).toBeLessThan(500);
        expect(critique).not.toMatch(/\n/);
        expect(critique).not.toMatch(/\p{Cs}/u);
      }),
    );
  });
});
