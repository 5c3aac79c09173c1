import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { getCurrentTurn, toConversationMessages, getTurnsWithMessages, startTurn, countTurnsSinceSeed } from "../../../src/state/conversation.js";
import { type Evolution, type Turn, turnsReducer } from "../../../src/state/records.js";

function getTurnCount(...evolutions: Evolution[]): Turn[] {
  return turnsReducer(
    [],
    evolutions.map((evolution, index) => ({ turn: index + 1, evolution })),
  );
}

function texts(state: { messages: BaseMessage[]; turns: Turn[] }) {
  return getTurnsWithMessages(state).map(({ instruction, response }) => [instruction, response]);
}

describe("getTurnsWithMessages", () => {
  it("gives every turn its instruction and its answer, whatever they say", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1, maxLength: 8 }), fc.boolean(), (pairs, prependSystemMessage) => {
        const messages = [
          ...(prependSystemMessage ? [new SystemMessage("Be kind.")] : []),
          ...pairs.flatMap(([instruction, response]) => [new HumanMessage(instruction), new AIMessage(response)]),
        ];
        const turns = getTurnCount("seed", ...pairs.slice(1).map(() => "breadth" as const));
        expect(texts({ messages, turns })).toEqual(pairs);
      }),
    );
  });

  it("keeps what is on record of a turn", () => {
    const turns = turnsReducer([], [{ turn: 1, evolution: "seed", verdict: "positive" }]);
    expect(getTurnsWithMessages({ messages: [new HumanMessage("Q"), new AIMessage("A")], turns })).toEqual([
      { ...turns[0], instruction: "Q", response: "A" },
    ]);
  });

  it("leaves the answer open while there is none", () => {
    const messages = [new HumanMessage("Q1"), new AIMessage("A1"), new HumanMessage("Q2")];
    expect(texts({ messages, turns: getTurnCount("seed", "depth") })).toEqual([
      ["Q1", "A1"],
      ["Q2", null],
    ]);
  });

  it("passes over the conversation that came before the first turn", () => {
    const messages = [new HumanMessage("old"), new AIMessage("past"), new HumanMessage("Q1"), new AIMessage("A1")];
    expect(texts({ messages, turns: turnsReducer([], [{ turn: 1, userMessageIndex: 1, evolution: "seed" }]) })).toEqual([["Q1", "A1"]]);
  });
});

describe("toConversationMessages", () => {
  it("names roles as export formats do and passes over other messages", () => {
    const messages = [
      new SystemMessage("S"),
      new HumanMessage({
        content: [
          { type: "text", text: "in " },
          { type: "text", text: "parts" },
        ],
      }),
      new ToolMessage({ content: "42", tool_call_id: "t" }),
      new AIMessage("A"),
    ];
    expect(toConversationMessages(messages)).toEqual([
      { role: "system", content: "S" },
      { role: "user", content: "in parts" },
      { role: "assistant", content: "A" },
    ]);
  });
});

describe("countTurnsSinceSeed", () => {
  it.each([
    [["seed"], 1],
    [["seed", "depth", "breadth"], 3],
    [["seed", "depth", "seed"], 1],
    [["seed", "depth", "seed", "follow_up"], 2],
  ] as const)("counts %j as %i", (evolutions, count) => {
    expect(countTurnsSinceSeed({ turns: getTurnCount(...evolutions) })).toBe(count);
  });
});

describe("a turn under way", () => {
  it("is the last one", () => {
    expect(getCurrentTurn({ turns: getTurnCount("seed", "depth") }).turn).toBe(2);
    expect(() => getCurrentTurn({ turns: [] })).toThrow(RangeError);
  });

  it("is opened with the next number and takes the place of a pendingInstruction", () => {
    const opening = startTurn({ turns: getTurnCount("seed") }, "Next?", "breadth");
    expect(opening).toMatchObject({ turns: [{ turn: 2, evolution: "breadth" }], pendingInstruction: null });
    expect(toConversationMessages(opening.messages)).toEqual([{ role: "user", content: "Next?" }]);
  });
});
