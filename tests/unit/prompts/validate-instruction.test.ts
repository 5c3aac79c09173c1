import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { validateInstruction } from "../../../src/prompts/validate-instruction.js";

const messages = [
  { role: "user", content: "How do solar panels work?" },
  { role: "assistant", content: "They turn light into current." },
] as const;

function createConversation(instruction: string, response: string) {
  return [
    { role: "user", content: instruction },
    { role: "assistant", content: response },
  ] as const;
}

describe("validateInstruction for empty instructions", () => {
  it.each(["", " ", "\n\t"])("an empty instruction is rejected: %j", (text) => {
    expect(validateInstruction(text, messages)).toMatch(/empty/);
  });
});

describe("validateInstruction for repeated instructions", () => {
  it.each([
    "How do solar panels work?",
    "how do SOLAR panels work",
    "  How  do\nsolar panels work?! ",
    '"How do solar-panels work?"',
    "Ｈow do solar panels work？",
  ])("a repeated instruction is rejected in any spelling: %j", (text) => {
    expect(validateInstruction(text, messages)).toMatch(/repeats/);
  });

  it("a repetition of any earlier instruction is rejected", () => {
    const long = [...messages, { role: "user", content: "What do they cost?" }, { role: "assistant", content: "It depends." }] as const;
    expect(validateInstruction("How do solar panels work?", long)).toMatch(/repeats/);
    expect(validateInstruction("What do they cost?", long)).toMatch(/repeats/);
  });

  it("a repetition is recognised in any script, and without letters", () => {
    expect(validateInstruction("太阳能电池板如何工作", createConversation("太阳能电池板如何工作？", "…"))).toMatch(/repeats/);
    expect(validateInstruction("???", createConversation("???", "What do you mean?"))).toMatch(/repeats/);
    expect(validateInstruction("!!!", createConversation("???", "What do you mean?"))).toBeNull();
  });

  it("an instruction that only begins like an earlier one, or repeats the assistant, is accepted", () => {
    expect(validateInstruction("How do solar panels work at night?", messages)).toBeNull();
    expect(validateInstruction("They turn light into current?", messages)).toBeNull();
  });

  it("a repetition is rejected whatever its text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", " ", "\n"), (text, space) => {
        expect(validateInstruction(`${space}${text}${space}`, createConversation(text, "Yes."))).not.toBeNull();
      }),
    );
  });
});

describe("validateInstruction for leaks", () => {
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
  ])("a leak of tags, roles or reviews is rejected and named: %s", (text, leak) => {
    expect(validateInstruction(text, messages)).toContain(`"${leak}"`);
  });

  it("a leak is rejected even after a harmless mark", () => {
    const coding = createConversation("What does this print?\n```js\nf()\n```", "Nothing.");
    expect(validateInstruction("And this?\n```js\ng()\n```", coding)).toBeNull();
    expect(validateInstruction("And this?\n```js\ng()\n```\n<ask>And that?</ask>", coding)).toContain('"<ask>"');
  });

  it("a leak is rejected in a conversation that only uses a similar word", () => {
    expect(validateInstruction("What did the reviewers miss?", createConversation("Write a book review.", "Here it is."))).toContain('"reviewers"');
  });
});

describe("validateInstruction for valid instructions", () => {
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
  ])("a valid instruction is accepted: %s", (text) => {
    expect(validateInstruction(text, messages)).toBeNull();
  });

  it.each([
    ["Make the review shorter and less formal.", createConversation("Write a book review of Dune.", "A desert planet ...")],
    ["How do peer reviewers get chosen?", createConversation("What is peer review?", "Experts, called reviewers, read the paper.")],
    ["Do the reviewers get paid?", createConversation("What does a peer reviewer do?", "They read papers.")],
    ["Who elects the chairman?", createConversation("How is a board run?", "By a chairman.")],
    ["What was the verdict?", createConversation("Tell me of the trial of Socrates.", "The jury reached its verdict in a day.")],
    ["How do I follow up after the interview?", createConversation("How do I prepare for an interview?", "Read about the firm.")],
    ["What did the panel find?", createConversation("Who sat on the panel of the inquiry?", "Three judges.")],
    ["And where does `</think>` go?", createConversation("What is </think> in a prompt?", "An end tag.")],
    ["What does <<<EOF mean?", createConversation("What is <<< in bash?", "A here string.")],
  ])("an instruction may use words of its conversation: %s", (text, conversation) => {
    expect(validateInstruction(text, conversation)).toBeNull();
  });
});
