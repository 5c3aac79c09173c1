import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { countTurnsSinceSeed, getCurrentTurn, getTurnsWithMessages, startTurn, toConversationMessages } from "../../../src/state/conversation.js";
import { type Evolution, type Turn, turnsReducer } from "../../../src/state/records.js";

function createTurns(...evolutions: Evolution[]): Turn[] {
  return turnsReducer(
    [],
    evolutions.map((evolution, index) => ({ turn: index + 1, evolution })),
  );
}

function getTexts(state: { messages: BaseMessage[]; turns: Turn[] }) {
  return getTurnsWithMessages(state).map(({ instruction, response }) => [instruction, response]);
}

describe("getTurnsWithMessages", () => {
  it("getTurnsWithMessages joins every turn with its instruction and response, whatever their text", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1, maxLength: 8 }), fc.boolean(), (pairs, hasSystemMessage) => {
        const messages = [
          ...(hasSystemMessage ? [new SystemMessage("Be kind.")] : []),
          ...pairs.flatMap(([instruction, response]) => [new HumanMessage(instruction), new AIMessage(response)]),
        ];
        const turns = createTurns("seed", ...pairs.slice(1).map(() => "breadth" as const));
        expect(getTexts({ messages, turns })).toEqual(pairs);
      }),
    );
  });

  it("getTurnsWithMessages keeps every recorded field of a turn", () => {
    const turns = turnsReducer([], [{ turn: 1, evolution: "seed", verdict: "positive" }]);
    expect(getTurnsWithMessages({ messages: [new HumanMessage("Q"), new AIMessage("A")], turns })).toEqual([
      { ...turns[0], instruction: "Q", response: "A" },
    ]);
  });

  it("getTurnsWithMessages sets the response to null while the candidate has not responded", () => {
    const messages = [new HumanMessage("Q1"), new AIMessage("A1"), new HumanMessage("Q2")];
    expect(getTexts({ messages, turns: createTurns("seed", "depth") })).toEqual([
      ["Q1", "A1"],
      ["Q2", null],
    ]);
  });

  it("getTurnsWithMessages ignores messages before the first turn", () => {
    const messages = [new HumanMessage("old"), new AIMessage("past"), new HumanMessage("Q1"), new AIMessage("A1")];
    expect(getTexts({ messages, turns: turnsReducer([], [{ turn: 1, userMessageIndex: 1, evolution: "seed" }]) })).toEqual([["Q1", "A1"]]);
  });
});

describe("toConversationMessages", () => {
  it("toConversationMessages converts system, user and assistant messages and leaves out tool messages", () => {
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
  ] as const)("countTurnsSinceSeed counts the turns %j as %i since the seed", (evolutions, count) => {
    expect(countTurnsSinceSeed({ turns: createTurns(...evolutions) })).toBe(count);
  });
});

describe("getCurrentTurn", () => {
  it("getCurrentTurn returns the last turn, and throws when no turn was started", () => {
    expect(getCurrentTurn({ turns: createTurns("seed", "depth") }).turn).toBe(2);
    expect(() => getCurrentTurn({ turns: [] })).toThrow(RangeError);
  });
});

describe("startTurn", () => {
  it("startTurn starts the next turn with a user message and clears the pending instruction", () => {
    const update = startTurn({ turns: createTurns("seed") }, "Next?", "breadth");
    expect(update).toMatchObject({ turns: [{ turn: 2, evolution: "breadth" }], pendingInstruction: null });
    expect(toConversationMessages(update.messages)).toEqual([{ role: "user", content: "Next?" }]);
  });
});
