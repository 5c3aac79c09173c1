import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { stripReasoning } from "../../../../src/model-calls/attempt/strip-reasoning.js";

const tag = fc.constantFrom("think", "thinking", "Think", "THINKING");
/** Text without tags, fences and quote marks. */
const prose = fc.string({ unit: fc.constantFrom(..."abc .,\n{}:é漢".split("")), maxLength: 60 });
/** Anything, the thinking's own closing tags excepted. */
const thought = fc.string({ unit: fc.constantFrom(...'ab `"\n<>/{'.split(""), "```", "<think>"), maxLength: 60 });

describe("stripReasoning", () => {
  it("leaves a text without thinking as it is, but for the blanks around it", () => {
    fc.assert(
      fc.property(prose, (text) => {
        expect(stripReasoning(text)).toEqual({ text: text.trim(), cutOff: false });
      }),
    );
  });

  it("removes leading thinking, whatever it holds", () => {
    fc.assert(
      fc.property(tag, thought, prose, (name, hidden, answer) => {
        expect(stripReasoning(`\n<${name}>${hidden}</${name}>\n\n${answer}`)).toEqual({ text: answer.trim(), cutOff: false });
      }),
    );
  });

  it("removes what comes before a closing tag whose opening one the chat template wrote", () => {
    fc.assert(
      fc.property(tag, prose, prose, (name, hidden, answer) => {
        expect(stripReasoning(`${hidden}\n</${name}>\n${answer}`)).toEqual({ text: answer.trim(), cutOff: false });
      }),
    );
    expect(stripReasoning("I try ```code without end </think>The answer.")).toEqual({ text: "The answer.", cutOff: false });
  });

  it("gives no text at all when the thinking was cut off", () => {
    fc.assert(
      fc.property(tag, thought, (name, hidden) => {
        expect(stripReasoning(`<${name}>${hidden}`)).toEqual({ text: "", cutOff: true });
      }),
    );
  });

  it("removes every block, also between and within lines", () => {
    expect(stripReasoning("<think>a</think>One <think>b</think>two.\n<thinking>c</thinking>\nThree.").text).toBe("One two.\n\nThree.");
    expect(stripReasoning("Sure.\n<think>and now it was cut").cutOff).toBe(true);
    expect(stripReasoning("Sure.\n<think>and now it was cut").text).toBe("Sure.");
  });

  it.each([
    "Put the plan between `<think>` and `</think>` tags.",
    'The tag "<think>" opens it.',
    "An example:\n```xml\n<think>plan</think>\n```\nThat is all.",
    "Models write <think> before they answer.",
  ])("keeps tags that are talked about: %j", (text) => {
    expect(stripReasoning(text)).toEqual({ text, cutOff: false });
  });

  it("takes no longer than its input deserves", () => {
    const hostile = "\n<think>".repeat(200_000) + "</thinking>".repeat(200_000);
    expect(stripReasoning(hostile).text).toBe("");
  });
});
