import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { validateInstruction } from "../../../src/prompts/validate-instruction.js";

const messages = [
  { role: "user", content: "How do solar panels work?" },
  { role: "assistant", content: "They turn light into current." },
] as const;

function about(instruction: string, response: string) {
  return [
    { role: "user", content: instruction },
    { role: "assistant", content: response },
  ] as const;
}

describe("an empty instruction", () => {
  it.each(["", " ", "\n\t"])("is at fault: %j", (text) => {
    expect(validateInstruction(text, messages)).toMatch(/empty/);
  });
});

describe("a repeated instruction", () => {
  it.each([
    "How do solar panels work?",
    "how do SOLAR panels work",
    "  How  do\nsolar panels work?! ",
    '"How do solar-panels work?"',
    "Ｈow do solar panels work？",
  ])("is at fault however it is spelt: %j", (text) => {
    expect(validateInstruction(text, messages)).toMatch(/repeats/);
  });

  it("is found anywhere in the conversation", () => {
    const long = [...messages, { role: "user", content: "What do they cost?" }, { role: "assistant", content: "It depends." }] as const;
    expect(validateInstruction("How do solar panels work?", long)).toMatch(/repeats/);
    expect(validateInstruction("What do they cost?", long)).toMatch(/repeats/);
  });

  it("is found in every script and without any letters", () => {
    expect(validateInstruction("太阳能电池板如何工作", about("太阳能电池板如何工作？", "…"))).toMatch(/repeats/);
    expect(validateInstruction("???", about("???", "What do you mean?"))).toMatch(/repeats/);
    expect(validateInstruction("!!!", about("???", "What do you mean?"))).toBeNull();
  });

  it("is not one that merely begins alike, or that the assistant said", () => {
    expect(validateInstruction("How do solar panels work at night?", messages)).toBeNull();
    expect(validateInstruction("They turn light into current?", messages)).toBeNull();
  });

  it("is at fault whatever it says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", " ", "\n"), (text, space) => {
        expect(validateInstruction(`${space}${text}${space}`, about(text, "Yes."))).not.toBeNull();
      }),
    );
  });
});

describe("a leak of the machinery", () => {
  it.each([
    ["<ask>What do they cost?</ask>", "<ask>"],
    ["What do they cost?</raise>", "</raise>"],
    ["<think>depth it is</think> What do they cost?", "<think>"],
    ['<question id="1">What do they cost?</question>', '<question id="1">'],
    ["<<<end answer 000000000000>>> What do they cost?", "<<<"],
    ["Chairman: What do they cost?", "Chairman:"],
    ["Next question: What do they cost?", "Next question:"],
    ["**Instruction:** What do they cost?", "**Instruction:"],
    ["Sure! Here is the user's next message: What do they cost?", "Sure! Here is the user's next message:"],
    ["Here's a good follow-up question:\n\nWhat do they cost?", "Here's a good follow-up question:"],
    ["The next question could be: What do they cost?", "The next question could be:"],
    ["In this interview, what comes next?", "this interview"],
    ["user : What do they cost?", "user :"],
    ["As the reviewers noted, the price is missing. What is it?", "reviewers"],
    ["Reviewer 2 wants to know the price.", "Reviewer"],
    ["The panel said that the price is missing. What is it?", "The panel said"],
    ["Given the critique, what do they cost?", "the critique"],
    ["Your reviews call it shallow. Why?", "Your reviews"],
    ["After a positive verdict: what next?", "positive verdict"],
    ["For a depth question: what do they cost?", "depth question"],
    ["Accuracy was scored 4/10. What is right?", "scored 4/10"],
    ["You got a score of 4 out of 10. What is right?", "score of 4 out of 10"],
  ])("is at fault and named: %s", (text, leak) => {
    expect(validateInstruction(text, messages)).toContain(`"${leak}"`);
  });

  it("is not excused by a harmless mark before it", () => {
    const coding = about("What does this print?\n```js\nf()\n```", "Nothing.");
    expect(validateInstruction("And this?\n```js\ng()\n```", coding)).toBeNull();
    expect(validateInstruction("And this?\n```js\ng()\n```\n<ask>And that?</ask>", coding)).toContain('"<ask>"');
  });

  it("is at fault in every conversation that does not speak of it", () => {
    expect(validateInstruction("What did the reviewers miss?", about("Write a book review.", "Here it is."))).toContain('"reviewers"');
  });
});

describe("a fair instruction", () => {
  it.each([
    "Do solar panels find use in space?",
    "How do I clean the panels, and who should judge the result?",
    "What does the <section> tag do?",
    "What determines the direction in which they should face?",
    "Write me a short book review of Dune.",
    "Which questions should I ask the installer?",
    "How deep must the foundations be, and how broad?",
    "What is the user expected to do? The assistant at the shop did not say.",
    "Is 8 out of 10 a good yield?",
    "How do I prepare for the interview at the installer's?",
    "Here is my next question: what do they cost?",
    "The next question is hard for me: do they pay off?",
    "Sure, but here is the catch: who pays for it?",
    "Compare 3 < 5 and 5 > 3 in C++ templates like vector<vector<int>> please.",
  ])("is let through: %s", (text) => {
    expect(validateInstruction(text, messages)).toBeNull();
  });

  it.each([
    ["Make the review shorter and less formal.", about("Write a book review of Dune.", "A desert planet ...")],
    ["How do peer reviewers get chosen?", about("What is peer review?", "Experts, called reviewers, read the paper.")],
    ["Do the reviewers get paid?", about("What does a peer reviewer do?", "They read papers.")],
    ["Who elects the chairman?", about("How is a board run?", "By a chairman.")],
    ["What was the verdict?", about("Tell me of the trial of Socrates.", "The jury reached its verdict in a day.")],
    ["How do I follow up after the interview?", about("How do I prepare for an interview?", "Read about the firm.")],
    ["What did the panel find?", about("Who sat on the panel of the inquiry?", "Three judges.")],
    ["And where does `</think>` go?", about("What is </think> in a prompt?", "An end tag.")],
    ["What does <<<EOF mean?", about("What is <<< in bash?", "A here string.")],
  ])("may use words that the conversation uses: %s", (text, spoken) => {
    expect(validateInstruction(text, spoken)).toBeNull();
  });
});
