import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { buildCandidatePrompt, parseAnswer } from "../../../src/prompts/candidate.js";
import { Settings } from "../../../src/state/settings.js";
import { hostileTexts } from "../../support/hostile-texts.js";

const history = [new SystemMessage("You are a baker. $&"), new HumanMessage("Why knead?"), new AIMessage("Gluten."), new HumanMessage("How long?")];

describe("what the candidate is told", () => {
  const messages = buildCandidatePrompt(Settings.parse({ wordLimit: 123, language: "Swahili" }), history);

  it("is the conversation as it stands, behind one system message", () => {
    expect(messages.map((message) => message.getType())).toEqual(["system", "human", "ai", "human"]);
    expect(messages.slice(1)).toEqual(history.slice(1));
  });

  it("begins with the seed's own system prompt, then the rules", () => {
    expect(messages[0]?.text.startsWith("You are a baker. $&\n\n")).toBe(true);
    expect(messages[0]?.text).toContain("123 words");
    expect(messages[0]?.text).toContain("Write in Swahili.");
  });

  it("needs no system prompt of the seed's own", () => {
    const [system, ...rest] = buildCandidatePrompt(Settings.parse({}), [new HumanMessage("Why knead?")]);
    expect(system?.text).toContain("300 words");
    expect(system?.text).toContain("the language of the user's first message");
    expect(rest).toHaveLength(1);
  });
});

describe("an answer", () => {
  it.each(hostileTexts)("may say anything: %j", (text) => {
    expect(parseAnswer(`\n${text} `)).toBe(text.trim());
  });

  it("says something", () => {
    expect(() => parseAnswer(" \n")).toThrow(expect.objectContaining({ code: "response_empty" }));
  });
});
