import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type ChairmanPromptInput, buildChairmanPrompt, instructionResponseSchema, parseInstruction } from "../../../src/prompts/chairman.js";
import { parseQuotes } from "../../../src/text/quote-untrusted.js";
import { ResponseValidationError } from "../../../src/text/json-output.js";
import type { Review } from "../../../src/state/records.js";
import { Settings } from "../../../src/state/settings.js";
import { hostileTexts } from "../../support/hostile-texts.js";

const messages = [
  { role: "user", content: "How do I bake bread?" },
  { role: "assistant", content: "Mix, knead, rest, bake." },
] as const;
const scores = { usefulness: 3, relevance: 9, accuracy: 4, depth: 2, creativity: 5 };

function createReview(reviewer: string, critique: string): Review {
  return { reviewer, critique, scores, verdict: "negative" };
}

function buildPrompt(input: Partial<ChairmanPromptInput>) {
  const [system, material] = buildChairmanPrompt(Settings.parse({ wordLimit: 123 }), {
    messages,
    reviews: [],
    verdict: null,
    evolution: "follow_up",
    ...input,
  });
  return { system: system?.text ?? "", material: material?.text ?? "" };
}

describe("buildChairmanPrompt", () => {
  it("the chairman gets the conversation, every critique unchanged with reviewer and scores, the verdict and the direction", () => {
    const reviews = [createReview("accuracy", "No temperature: $& degrees?"), createReview("depth", "Why knead?\nNothing on gluten.")];
    const { material, system } = buildPrompt({ reviews, verdict: "negative", evolution: "depth" });
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

  it("the chairman gets any critique unchanged, whatever its text", () => {
    const critique = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom(...hostileTexts));
    fc.assert(
      fc.property(fc.array(critique, { minLength: 1, maxLength: 5 }), (critiques) => {
        const { material } = buildPrompt({
          reviews: critiques.map((text, index) => createReview(`r${index}`, text)),
          verdict: "positive",
          evolution: "breadth",
        });
        expect(parseQuotes(material).flatMap(({ label, text }) => (label === "critique" ? [text] : []))).toEqual(critiques);
      }),
    );
  });

  it("the chairman gets different directions for breadth, depth and follow-up", () => {
    const directions = (["breadth", "depth", "follow_up"] as const).map(
      (evolution) => /Direction: [^.]*\..*/.exec(buildPrompt({ evolution }).system)?.[0],
    );
    expect(new Set(directions).size).toBe(3);
    expect(directions[0]).toContain("breadth");
    expect(directions[1]).toContain("depth");
  });

  it("the chairman's prompt does not mention a panel when nobody reviewed", () => {
    const { material, system } = buildPrompt({});
    expect(system).not.toContain("privately judged");
    expect(material).not.toMatch(/panel|critique|verdict/i);
  });
});

describe("parseInstruction", () => {
  it.each([
    ["as requested", '{"instruction": " What flour is best? "}'],
    ["in a fence", '```json\n{"instruction": "What flour is best?"}\n```'],
    ["in prose", 'Sure! {"instruction": "What flour is best?"} Anything else?'],
    ["with single quotes", "{'instruction': 'What flour is best?'}"],
    ["with a bare key", '{instruction: "What flour is best?"}'],
    ["with another key", '{"thinking": "They want flour.", "instruction": "What flour is best?"}'],
    ["as plain text", "What flour is best?\n"],
  ])("parseInstruction accepts an instruction %s", (_, text) => {
    expect(parseInstruction(text, messages)).toBe("What flour is best?");
  });

  it.each([
    ["that contains JSON", 'Can you give the recipe as {"flour": 500}?'],
    ["that contains the word instruction", 'What does "instruction" mean on the packet?'],
    ["with braces", "How do I write f(x) = {x if x > 0} for the oven?"],
    ["with placeholders of templates", "Does it cost $& or $1, $$ or ${price}?"],
  ])("parseInstruction accepts plain text %s unchanged", (_, text) => {
    expect(parseInstruction(text, messages)).toBe(text);
    expect(parseInstruction(JSON.stringify({ instruction: text }), messages)).toBe(text);
  });

  it.each([
    ["another key", '{"question": "What flour is best?"}'],
    ["a capitalized key", '{"Instruction": "What flour is best?"}'],
    ["a list", '["What flour is best?"]'],
    ["a number", '{"instruction": 4}'],
    ["null", '{"instruction": null}'],
    ["another key in a code fence", '```json\n{"question": "What flour is best?"}\n```'],
  ])("parseInstruction rejects JSON with %s", (_, text) => {
    expect(() => parseInstruction(text, messages)).toThrow(ResponseValidationError);
  });

  it.each(['{"instruction": ""}', '{"instruction": " \\n "}', " "])("parseInstruction reports %j as empty", (text) => {
    expect(() => parseInstruction(text, messages)).toThrow(expect.objectContaining({ code: "response_empty" }));
  });

  it("parseInstruction names the problem of an instruction that cannot be used", () => {
    expect(() => parseInstruction('{"instruction": "how do I bake BREAD"}', messages)).toThrow(/repeats an earlier one/);
    expect(() => parseInstruction('{"instruction": "<ask>What flour?</ask>"}', messages)).toThrow(/"<ask>"/);
    expect(() => parseInstruction("Chairman: What flour?", messages)).toThrow(/"Chairman:"/);
  });

  it.each([
    ["the placeholder of the prompt", "the user's next message", /repeats the request/],
    ["the placeholder in other clothes", "“The user’s next message…”", /repeats the request/],
    ["a note of ours", "Reply to the request above once more, in the form it asks for.", /repeats the request/],
    ["an essay", "And how does it change then? ".repeat(100), /at most 2000/],
    ["a text with a special token", "What does [/INST] the flour do?", /\[\/INST\]/],
  ])("parseInstruction rejects %s, as text and as JSON", (_, instruction, message) => {
    expect(() => parseInstruction(instruction, messages)).toThrow(message);
    expect(() => parseInstruction(JSON.stringify({ instruction }), messages)).toThrow(message);
  });

  it("parseInstruction accepts a question about our words", () => {
    const question = "How would I write the user's next message in a chat log?";
    expect(parseInstruction(question, messages)).toBe(question);
  });
});

describe("instructionResponseSchema", () => {
  it("the schema of an instruction is strict", () => {
    expect(instructionResponseSchema).toEqual({
      name: "next_instruction",
      schema: { type: "object", additionalProperties: false, required: ["instruction"], properties: { instruction: { type: "string" } } },
    });
  });
});
