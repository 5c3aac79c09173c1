import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { stripReasoning } from "../../../src/text/strip-reasoning.js";

const tag = fc.constantFrom("think", "thinking", "Think", "THINKING");
/** Text without tags, fences and quote marks. */
const prose = fc.string({ unit: fc.constantFrom(..."abc .,\n{}:é漢".split("")), maxLength: 60 });
/** Any text without a closing tag. */
const reasoning = fc.string({ unit: fc.constantFrom(...'ab `"\n<>/{'.split(""), "```", "<think>"), maxLength: 60 });

describe("stripReasoning", () => {
  it("only trims a text without reasoning", () => {
    fc.assert(
      fc.property(prose, (text) => {
        expect(stripReasoning(text)).toMatchObject({ text: text.trim(), cutOff: false });
      }),
    );
  });

  it("removes leading reasoning with any content", () => {
    fc.assert(
      fc.property(tag, reasoning, prose, (name, hidden, answer) => {
        expect(stripReasoning(`\n<${name}>${hidden}</${name}>\n\n${answer}`)).toMatchObject({ text: answer.trim(), cutOff: false });
      }),
    );
  });

  it("removes text before a closing tag whose opening tag was written by the chat template", () => {
    fc.assert(
      fc.property(tag, prose, prose, (name, hidden, answer) => {
        expect(stripReasoning(`${hidden}\n</${name}>\n${answer}`)).toMatchObject({ text: answer.trim(), cutOff: false });
      }),
    );
    expect(stripReasoning("I try ```code without end </think>The answer.")).toMatchObject({ text: "The answer.", cutOff: false });
  });

  it("returns no text if the reasoning was cut off", () => {
    fc.assert(
      fc.property(tag, reasoning, (name, hidden) => {
        expect(stripReasoning(`<${name}>${hidden}`)).toMatchObject({ text: "", cutOff: true });
      }),
    );
  });

  it("removes every block, between lines and within lines", () => {
    expect(stripReasoning("<think>a</think>One <think>b</think>two.\n<thinking>c</thinking>\nThree.").text).toBe("One two.\n\nThree.");
    expect(stripReasoning("Sure.\n<think>and now it was cut").cutOff).toBe(true);
    expect(stripReasoning("Sure.\n<think>and now it was cut").text).toBe("Sure.");
  });

  it.each([
    "Put the plan between `<think>` and `</think>` tags.",
    'The tag "<think>" opens it.',
    "An example:\n```xml\n<think>plan</think>\n```\nThat is all.",
    "Models write <think> before they answer.",
  ])("keeps tags that a sentence mentions: %j", (text) => {
    expect(stripReasoning(text)).toMatchObject({ text, cutOff: false });
  });

  it.each<[string, (reasoning: string, answer: string) => string]>([
    ["harmony", (reasoning, answer) => `<|channel|>analysis<|message|>${reasoning}<|end|><|start|>assistant<|channel|>final<|message|>${answer}`],
    [
      "harmony, ended",
      (reasoning, answer) =>
        `<|start|>assistant<|channel|>analysis<|message|>${reasoning}<|end|><|start|>assistant<|channel|>final<|message|>${answer}<|return|>`,
    ],
    [
      "harmony with a format",
      (reasoning, answer) =>
        `<|channel|>analysis<|message|>${reasoning}<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>${answer}`,
    ],
    [
      "harmony with a comment",
      (reasoning, answer) =>
        `<|channel|>analysis<|message|>${reasoning}<|end|><|start|>assistant<|channel|>commentary<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>${answer}`,
    ],
    ["harmony whose start is lost", (reasoning, answer) => `${reasoning}<|end|><|start|>assistant<|channel|>final<|message|>${answer}`],
    ["harmony without its tokens", (reasoning, answer) => `analysis${reasoning}assistantfinal${answer}`],
    ["Mistral", (reasoning, answer) => `[THINK]${reasoning}[/THINK]${answer}`],
    ["Seed", (reasoning, answer) => `<seed:think>${reasoning}</seed:think>${answer}`],
    ["MiniMax", (reasoning, answer) => `<mm:think>\n${reasoning}\n</mm:think>\n\n${answer}`],
    ["Kimi", (reasoning, answer) => `◁think▷${reasoning}◁/think▷${answer}`],
    ["Kimi, closing mark alone", (reasoning, answer) => `${reasoning}◁/think▷${answer}`],
    ["Gemma", (reasoning, answer) => `<|channel>thought\n${reasoning}<channel|>${answer}`],
    ["MedGemma", (reasoning, answer) => `<unused94>thought\n${reasoning}<unused95>${answer}`],
    ["Cohere", (reasoning, answer) => `<|START_THINKING|>${reasoning}<|END_THINKING|>${answer}`],
    ["Sky", (reasoning, answer) => `<|begin_of_thought|>${reasoning}<|end_of_thought|>${answer}`],
    ["Granite", (reasoning, answer) => `Here is my thought process: ${reasoning}\n\nHere is my response: ${answer}`],
    ["EXAONE", (reasoning, answer) => `<thought>\n${reasoning}\n</thought>\n\n${answer}`],
    ["reasoning tags", (reasoning, answer) => `<reasoning>${reasoning}</reasoning>\n${answer}`],
    ["reasoning and answer tags", (reasoning, answer) => `<think>${reasoning}</think>\n<answer>${answer}</answer>`],
    ["a tag with an attribute", (reasoning, answer) => `<think budget="5">${reasoning}</think>${answer}`],
  ])("takes apart reasoning and answer as %s writes them", (_, write) => {
    expect(stripReasoning(write("User wants {a} plan: SECRET.", "The answer: 5 < 6."))).toEqual({
      text: "The answer: 5 < 6.",
      reasoning: expect.stringContaining("User wants {a} plan: SECRET."),
      cutOff: false,
    });
  });

  it.each([
    "<|channel|>analysis<|message|>Let me see",
    "<|channel|>analysis<|message|>Let me see<|end|>",
    "analysisWe need to see",
    "[THINK]Let me see",
    "<seed:think>Let me see",
    "<mm:think>Let me see",
    "◁think▷Let me see",
    "<thought>Let me see",
    "<|channel>thought\nLet me see",
    "<|START_THINKING|>Let me see",
  ])("finds that %j was cut off within the reasoning", (text) => {
    expect(stripReasoning(text)).toEqual({ text: "", reasoning: expect.stringContaining("see"), cutOff: true });
  });

  it.each([
    "The stages are <reasoning>, <thought> and <answer>.",
    "<plan>\n<reasoning>It is cheap.</reasoning>\n</plan>",
    "analysis of the data shows that it grows",
    "analysisResults is a variable.",
    "Write `<|channel|>analysis<|message|>` first, then `<|channel|>final<|message|>`.",
    "Use [think] as a label.",
    "Inline: `x <think> y </think> z` is kept.",
    "~~~\n[THINK]a[/THINK]\n~~~",
    "It ends at “◁/think▷”, they say.",
    "The server drops the tokens, so that 'assistantfinal' stays.",
  ])("keeps %j, which is about such marks", (text) => {
    expect(stripReasoning(text)).toEqual({ text, reasoning: "", cutOff: false });
  });

  it("removes nothing more when it is applied again", () => {
    const part = fc.constantFrom(
      "<think>",
      "</think>",
      "[THINK]",
      "[/THINK]",
      "<thought>",
      "</thought>",
      "<|channel|>final<|message|>",
      "◁/think▷",
      "`",
      "```\n",
      "\n",
      "a",
      '"',
      " b ",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const once = stripReasoning(parts.join("")).text;
        expect(stripReasoning(once).text).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it("handles hundreds of thousands of tags in linear time", () => {
    const text = "\n<think>".repeat(200_000) + "</thinking>".repeat(200_000);
    expect(stripReasoning(text).text).toBe("");
  });
});
