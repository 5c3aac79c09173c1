import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { buildCandidatePrompt, parseAnswer } from "../../../src/prompts/candidate.js";
import { Settings } from "../../../src/state/settings.js";
import { hostileTexts } from "../../support/hostile-texts.js";

const history = [new SystemMessage("You are a baker. $&"), new HumanMessage("Why knead?"), new AIMessage("Gluten."), new HumanMessage("How long?")];

describe("buildCandidatePrompt", () => {
  const messages = buildCandidatePrompt(Settings.parse({ wordLimit: 123, language: "Swahili" }), history);

  it("the candidate gets one system message and then the unchanged conversation", () => {
    expect(messages.map((message) => message.getType())).toEqual(["system", "human", "ai", "human"]);
    expect(messages.slice(1)).toEqual(history.slice(1));
  });

  it("the candidate's system message begins with the seed's system prompt, followed by the rules", () => {
    expect(messages[0]?.text.startsWith("You are a baker. $&\n\n")).toBe(true);
    expect(messages[0]?.text).toContain("123 words");
    expect(messages[0]?.text).toContain("Write in Swahili.");
  });

  it("the candidate's system message holds only the rules when the seed has no system prompt", () => {
    const [system, ...rest] = buildCandidatePrompt(Settings.parse({}), [new HumanMessage("Why knead?")]);
    expect(system?.text).toContain("300 words");
    expect(system?.text).toContain("the language of the user's first message");
    expect(rest).toHaveLength(1);
  });
});

describe("parseAnswer", () => {
  it.each(hostileTexts)("parseAnswer accepts any text: %j", (text) => {
    expect(parseAnswer(`\n${text} `)).toBe(text.trim());
  });

  it.each([
    ["a note of ours", "The reply was cut off at the output limit. Reply again in full, more briefly."],
    ["a note of ours in a longer text", "Sorry!\n\nReply to the request above once more, in the form it asks for. I will."],
    ["a special token in a sentence", "Put <|im_end|> at the end."],
  ])("parseAnswer rejects %s", (_, text) => {
    expect(() => parseAnswer(text)).toThrow(expect.objectContaining({ code: "response_invalid" }));
  });

  it("parseAnswer accepts a special token in code", () => {
    expect(parseAnswer("Put `<|im_end|>` at the end.")).toBe("Put `<|im_end|>` at the end.");
  });

  it("parseAnswer throws for an empty answer", () => {
    expect(() => parseAnswer(" \n")).toThrow(expect.objectContaining({ code: "response_empty" }));
  });
});
