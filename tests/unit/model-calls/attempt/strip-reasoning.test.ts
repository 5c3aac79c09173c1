import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { stripReasoning } from "../../../../src/model-calls/attempt/strip-reasoning.js";

const tag = fc.constantFrom("think", "thinking", "Think", "THINKING");
/** Text without tags, fences and quote marks. */
const prose = fc.string({ unit: fc.constantFrom(..."abc .,\n{}:é漢".split("")), maxLength: 60 });
/** Any text without a closing tag. */
const reasoning = fc.string({ unit: fc.constantFrom(...'ab `"\n<>/{'.split(""), "```", "<think>"), maxLength: 60 });

describe("stripReasoning", () => {
  it("only trims a text without reasoning", () => {
    fc.assert(
      fc.property(prose, (text) => {
        expect(stripReasoning(text)).toEqual({ text: text.trim(), cutOff: false });
      }),
    );
  });

  it("removes leading reasoning with any content", () => {
    fc.assert(
      fc.property(tag, reasoning, prose, (name, hidden, answer) => {
        expect(stripReasoning(`\n<${name}>${hidden}</${name}>\n\n${answer}`)).toEqual({ text: answer.trim(), cutOff: false });
      }),
    );
  });

  it("removes text before a closing tag whose opening tag was written by the chat template", () => {
    fc.assert(
      fc.property(tag, prose, prose, (name, hidden, answer) => {
        expect(stripReasoning(`${hidden}\n</${name}>\n${answer}`)).toEqual({ text: answer.trim(), cutOff: false });
      }),
    );
    expect(stripReasoning("I try ```code without end </think>The answer.")).toEqual({ text: "The answer.", cutOff: false });
  });

  it("returns no text if the reasoning was cut off", () => {
    fc.assert(
      fc.property(tag, reasoning, (name, hidden) => {
        expect(stripReasoning(`<${name}>${hidden}`)).toEqual({ text: "", cutOff: true });
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
    expect(stripReasoning(text)).toEqual({ text, cutOff: false });
  });

  it("handles hundreds of thousands of tags in linear time", () => {
    const text = "\n<think>".repeat(200_000) + "</thinking>".repeat(200_000);
    expect(stripReasoning(text).text).toBe("");
  });
});
