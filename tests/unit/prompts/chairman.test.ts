import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type ChairmanPromptInput, buildChairmanPrompt, parseInstruction } from "../../../src/prompts/chairman.js";
import { parseQuotes } from "../../../src/model-calls/quote-untrusted.js";
import { ResponseValidationError } from "../../../src/model-calls/json-output.js";
import type { Review } from "../../../src/state/records.js";
import { Settings } from "../../../src/state/settings.js";
import { hostileTexts } from "../../support/hostile-texts.js";

const messages = [
  { role: "user", content: "How do I bake bread?" },
  { role: "assistant", content: "Mix, knead, rest, bake." },
] as const;
const scores = { usefulness: 3, relevance: 9, accuracy: 4, depth: 2, creativity: 5 };

function review(reviewer: string, critique: string): Review {
  return { reviewer, critique, scores, verdict: "negative" };
}

function promptFor(brief: Partial<ChairmanPromptInput>) {
  const messages = buildChairmanPrompt(Settings.parse({ wordLimit: 123 }), {
    messages,
    reviews: [],
    verdict: null,
    evolution: "follow_up",
    ...brief,
  });
  return { messages, system: messages[0]?.text ?? "", material: messages[1]?.text ?? "" };
}

describe("what the chairman is told", () => {
  it("is the conversation and every critique to the letter, with who said it, scores, verdict and direction", () => {
    const reviews = [review("accuracy", "No temperature: $& degrees?"), review("depth", "Why knead?\nNothing on gluten.")];
    const { material, system } = promptFor({ reviews, verdict: "negative", evolution: "depth" });
    expect(parseQuotes(material)).toEqual([
      { label: "user", text: messages[0].content },
      { label: "assistant", text: messages[1].content },
      ...reviews.map(({ critique }) => ({ label: "critique", text: critique })),
    ]);
    for (const { reviewer } of reviews)
      expect(material).toContain(`${reviewer}: negative (usefulness 3, relevance 9, accuracy 4, depth 2, creativity 5)`);
    expect(material).toContain("verdict: negative. Direction: depth.");
    expect(system).toContain("Direction: depth.");
    expect(system).not.toMatch(/No temperature|gluten/);
  });

  it("keeps any critique whole", () => {
    const critique = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom(...hostileTexts));
    fc.assert(
      fc.property(fc.array(critique, { minLength: 1, maxLength: 5 }), (critiques) => {
        const { material } = promptFor({
          reviews: critiques.map((text, index) => review(`r${index}`, text)),
          verdict: "positive",
          evolution: "breadth",
        });
        expect(parseQuotes(material).flatMap(({ label, text }) => (label === "critique" ? [text] : []))).toEqual(critiques);
      }),
    );
  });

  it("differs in direction between breadth, depth and follow up", () => {
    const directions = (["breadth", "depth", "follow_up"] as const).map(
      (evolution) => /Direction: [^.]*\..*/.exec(promptFor({ evolution }).system)?.[0],
    );
    expect(new Set(directions).size).toBe(3);
    expect(directions[0]).toContain("breadth");
    expect(directions[1]).toContain("depth");
  });

  it("is silent on a panel that never sat", () => {
    const { material, system } = promptFor({});
    expect(system).not.toContain("privately judged");
    expect(material).not.toMatch(/panel|critique|verdict/i);
  });
});

describe("parseInstruction", () => {
  it.each([
    ["as asked for", '{"instruction": " What flour is best? "}'],
    ["in a fence", '```json\n{"instruction": "What flour is best?"}\n```'],
    ["in prose", 'Sure! {"instruction": "What flour is best?"} Anything else?'],
    ["with single quotes", "{'instruction': 'What flour is best?'}"],
    ["with a bare key", '{instruction: "What flour is best?"}'],
    ["with thoughts beside it", '{"thinking": "They want flour.", "instruction": "What flour is best?"}'],
    ["as plain text", "What flour is best?\n"],
  ])("reads an instruction %s", (_, text) => {
    expect(parseInstruction(text, messages)).toBe("What flour is best?");
  });

  it.each([
    ["that speaks of JSON", 'Can you give the recipe as {"flour": 500}?'],
    ["that speaks of instructions", 'What does "instruction" mean on the packet?'],
    ["with braces of its own", "How do I write f(x) = {x if x > 0} for the oven?"],
    ["with what a template would take for a group", "Does it cost $& or $1, $$ or ${price}?"],
  ])("takes plain text %s as it stands", (_, text) => {
    expect(parseInstruction(text, messages)).toBe(text);
    expect(parseInstruction(JSON.stringify({ instruction: text }), messages)).toBe(text);
  });

  it.each([
    ["another field", '{"question": "What flour is best?"}'],
    ["a field in capitals", '{"Instruction": "What flour is best?"}'],
    ["a list", '["What flour is best?"]'],
    ["a number", '{"instruction": 4}'],
    ["nothing", '{"instruction": null}'],
    ["a fence of another shape", '```json\n{"question": "What flour is best?"}\n```'],
  ])("does not keep JSON with %s for an instruction", (_, text) => {
    expect(() => parseInstruction(text, messages)).toThrow(ResponseValidationError);
  });

  it.each(['{"instruction": ""}', '{"instruction": " \\n "}', " "])("says of %j that it is empty", (text) => {
    expect(() => parseInstruction(text, messages)).toThrow(expect.objectContaining({ code: "response_empty" }));
  });

  it("says what is wrong with an instruction that does not fit", () => {
    expect(() => parseInstruction('{"instruction": "how do I bake BREAD"}', messages)).toThrow(/repeats an earlier one/);
    expect(() => parseInstruction('{"instruction": "<ask>What flour?</ask>"}', messages)).toThrow(/"<ask>"/);
    expect(() => parseInstruction("Chairman: What flour?", messages)).toThrow(/"Chairman:"/);
  });
});
