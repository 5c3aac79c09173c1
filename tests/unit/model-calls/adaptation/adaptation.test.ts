import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { applyAdaptation, mergeSystemMessages } from "../../../../src/model-calls/adaptation/adaptation.js";
import { reviewResponseSchema } from "../../../../src/prompts/reviewer.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";

const baseUrl = "http://127.0.0.1:9/v1";
const toPairs = (messages: readonly BaseMessage[]) => messages.map(({ type, content }) => [type, content]);

describe("mergeSystemMessages", () => {
  it.each<[string, BaseMessage[], [string, unknown][]]>([
    ["none", [new HumanMessage("Q")], [["human", "Q"]]],
    ["one", [new SystemMessage("S"), new HumanMessage("Q")], [["human", "S\n\nQ"]]],
    ["two", [new SystemMessage("S"), new SystemMessage("T"), new HumanMessage("Q")], [["human", "S\n\nT\n\nQ"]]],
    [
      "one before a conversation",
      [new SystemMessage("S"), new HumanMessage("Q"), new AIMessage("A"), new HumanMessage("R")],
      [
        ["human", "S\n\nQ"],
        ["ai", "A"],
        ["human", "R"],
      ],
    ],
    [
      "one before an answer",
      [new SystemMessage("S"), new AIMessage("A"), new HumanMessage("R")],
      [
        ["human", "S"],
        ["ai", "A"],
        ["human", "R"],
      ],
    ],
    ["nothing else", [new SystemMessage("S")], [["human", "S"]]],
    [
      "parts of a message",
      [new SystemMessage("S"), new HumanMessage([{ type: "text", text: "Q" }])],
      [
        [
          "human",
          [
            { type: "text", text: "S\n\n" },
            { type: "text", text: "Q" },
          ],
        ],
      ],
    ],
  ])("messages with a system text for %s keep every text and alternate", (_what, messages, expected) => {
    expect(toPairs(mergeSystemMessages(messages))).toEqual(expected);
  });
});

describe("applyAdaptation", () => {
  const request = createRequest(baseUrl, { responseFormat: reviewResponseSchema });

  it("a request without changes stays as it is", () => {
    expect(applyAdaptation(request, {})).toEqual(request);
  });

  it("every change is made, and the request itself stays", () => {
    const before = structuredClone(toPairs(request.messages));
    const adapted = applyAdaptation(request, {
      temperature: "none",
      maxTokensParameter: "max_completion_tokens",
      systemRole: "merge",
      responseFormat: "json_object",
    });
    expect(adapted.settings).toMatchObject({ temperature: null, maxTokensParameter: "max_completion_tokens", systemRole: "merge" });
    expect(adapted.responseFormat).toEqual({ ...reviewResponseSchema, type: "json_object" });
    expect(toPairs(adapted.messages)).toEqual([["human", "Answer briefly.\n\nWhy is the sky blue?"]]);
    expect(applyAdaptation(request, { responseFormat: "none" })).not.toHaveProperty("responseFormat");
    expect(toPairs(request.messages)).toEqual(before);
  });

  it("the setting systemRole: merge is applied to requests of any provider", () => {
    const merged = applyAdaptation(createRequest(baseUrl, { settings: createModelSettings(baseUrl, { systemRole: "merge" }) }), {});
    expect(toPairs(merged.messages)).toEqual([["human", "Answer briefly.\n\nWhy is the sky blue?"]]);
  });
});
