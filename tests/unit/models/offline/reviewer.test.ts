import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readCritique } from "../../../../src/models/offline/critique.js";
import { type ReviewMatter, reviewAnswer } from "../../../../src/models/offline/reviewer.js";
import { parseReview, buildReviewerPrompt } from "../../../../src/prompts/reviewer.js";
import { reviewDimensions } from "../../../../src/state/records.js";
import { anyText, say, settings } from "../../../support/offline-conversation.js";

const instruction = "Explain yeast, flour and oven heat";
const sound = [
  "Good bread begins with flour, and strong flour keeps its shape because it holds the gas. Yeast wants warmth, so that it can work through the night without hurry.",
  "Give the oven its time. The heat has to reach the stone, not the air alone. For example, forty minutes at full power, then the loaf, then a cup of water on the floor for steam, and the crust stays soft long enough to rise.",
].join("\n\n");

function review(answer: string, focus: ReviewMatter["focus"] = []) {
  return reviewAnswer({ instruction, answer, wordLimit: 300, focus });
}

describe("reviewAnswer", () => {
  it("finds nothing against an answer that has everything it measures", () => {
    const { scores, verdict, critique } = review(sound);
    expect(scores).toEqual({ usefulness: 9, relevance: 9, accuracy: 9, depth: 9, creativity: 9 });
    expect(verdict).toBe("positive");
    expect(critique).toContain('It takes up "yeast", "flour", "oven" and "heat", with 2 reasons and 1 example.');
  });

  it("scores by the formula it states", () => {
    // 4 words in 1 sentence: short 1 - 4/60; hedged, reasonless, exampleless and missing (3 of 4) in full.
    const { scores, verdict } = review("Perhaps yeast might rise.");
    expect(scores).toEqual({ usefulness: 1, relevance: 1, accuracy: 1, depth: 1, creativity: 1 });
    expect(verdict).toBe("negative");
    // One of four terms missing costs a quarter of its loss: usefulness 1, relevance 2, accuracy, depth 0.5, creativity 0.25.
    expect(review(sound.replaceAll("oven", "stove")).scores).toEqual({ usefulness: 8, relevance: 7, accuracy: 9, depth: 9, creativity: 9 });
  });

  it.each([
    ["leaves a term out", sound.replaceAll("oven", "stove"), "relevance"],
    ["hedges", sound.replaceAll("has to", "might perhaps"), "accuracy"],
    ["gives no reason", sound.replaceAll("because", "and").replaceAll("so that", "and"), "depth"],
    ["shows no example", sound.replaceAll("For example, forty", "Forty"), "creativity"],
    ["has no shape", sound.replaceAll("\n\n", " "), "usefulness"],
    ["repeats itself", `${sound} The heat has to do it. The heat has to do it. The heat has to do it.`, "creativity"],
    ["is too long", `${sound} ${sound.replaceAll(/\w+/g, (word) => `${word} ${word}s very ${word} ${word}s`)} ${"and on ".repeat(60)}`, "relevance"],
  ] as const)("takes points from an answer that %s", (_, answer, dimension) => {
    expect(review(answer).scores[dimension]).toBeLessThan(9);
  });

  it("weighs by focus, so that a panel can be divided", () => {
    const hedging = sound.replaceAll(".", ", perhaps.");
    expect(review(hedging, ["accuracy"]).verdict).toBe("negative");
    expect(review(hedging, ["usefulness", "creativity"]).verdict).toBe("positive");
    expect(review(hedging, ["accuracy"]).critique).toContain('it says "perhaps"');
  });

  it("says in its critique what it measured, and nothing that is not so", () => {
    fc.assert(
      fc.property(anyText, anyText, fc.subarray([...reviewDimensions]), (asked, answer, focus) => {
        const { critique } = reviewAnswer({ instruction: asked, answer, wordLimit: 300, focus });
        const points = readCritique(critique);
        const spoken = answer.normalize("NFKC").toLowerCase();
        for (const term of points.missing) expect(spoken).not.toContain(term.normalize("NFKC").toLowerCase());
        for (const hedge of points.hedges) expect(answer).toContain(hedge);
        expect(critique.split(/\s+/).length).toBeLessThanOrEqual(120);
      }),
    );
    const { critique } = review("Take flour. Take flour again.");
    expect(critique).toContain("5 words of the 300 allowed, in 2 sentences, 1 paragraph and 0 list items");
    expect(readCritique(critique)).toEqual({ missing: ["yeast", "oven", "heat"], hedges: [], repeated: null, thin: true });
  });

  it("passes the parser for any answer to any instruction, asked through the real prompt", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...settings.panel), anyText, anyText, async (member, asked, answer) => {
        const messages = [
          { role: "user", content: asked },
          { role: "assistant", content: answer },
        ] as const;
        const parsed = parseReview(await say(buildReviewerPrompt(settings, member, messages)));
        for (const dimension of reviewDimensions) expect(Number.isInteger(parsed.scores[dimension])).toBe(true);
      }),
    );
  });
});
