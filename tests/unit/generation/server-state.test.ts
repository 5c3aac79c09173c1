import { describe, expect, it } from "vitest";

import { ModelCallError, ReplyError, ReviewInstructError } from "../../../src/errors.js";
import { failuresIn, readState, serverErrorOf } from "../../../src/generation/server-state.js";
import { threadIdOf } from "../../../src/generation/server-runner.js";

const turn = { turn: 1, position: 0, evolution: "seed", reviews: [], abstentions: [], verdict: null, calls: [] };
const messages = [
  { type: "system", content: "Be brief.", id: "0" },
  { type: "human", content: "Hi?", id: "1" },
  { type: "ai", content: "Hi.", id: "2" },
  { type: "tool", content: "?" },
];

describe("a thread's state on a server", () => {
  it("is finished where nothing is left to do, with its messages as messages", () => {
    const {
      output,
      begun,
      turn: at,
    } = readState({ tasks: [], checkpoint: { checkpoint_id: "c" }, values: { messages, turns: [turn], endedEarly: null } });
    expect({ begun, at }).toEqual({ begun: false, at: 1 });
    expect(output?.messages.map((message) => [message.type, message.text, message.id])).toEqual([
      ["system", "Be brief.", "0"],
      ["human", "Hi?", "1"],
      ["ai", "Hi.", "2"],
    ]);
  });

  it("is begun, or new", () => {
    expect(readState({ tasks: [{ id: "1", name: "reviewer" }], checkpoint: null, values: { turns: [turn] } })).toEqual({
      checkpoint: null,
      begun: true,
      output: null,
      turn: 1,
    });
    expect(readState({ tasks: [], values: {} })).toEqual({ checkpoint: null, begun: false, output: null, turn: null });
  });

  it.each([null, {}, { tasks: [], values: { turns: [{ turn: "x" }] } }, { tasks: [], values: { messages: "none" } }])(
    "is refused where it is another graph's: %j",
    (state) => {
      expect(() => readState(state)).toThrow(expect.objectContaining({ code: "server_unreadable" }));
    },
  );
});

describe("a failure on a server", () => {
  const failed = (code: string, facts: object) => ({ type: "failed", name: "X", code, message: "It failed.", facts });

  it("comes back as the error that it was", () => {
    const call = failuresIn(failed("model_unauthorized", { role: "candidate", endpoint: "http://x", model: "m", status: 401, attempts: 1 }));
    expect(call).toEqual([expect.any(ModelCallError)]);
    expect(call[0]).toMatchObject({ code: "model_unauthorized", message: "It failed.", facts: { status: 401 } });
    expect(failuresIn(failed("model_out_of_credit", call[0]?.facts ?? {}))).toEqual([expect.any(ModelCallError)]);
    const reply = failuresIn(failed("reply_malformed", { role: "candidate", model: "m", attempts: 3, rawText: "{" }));
    expect(reply).toEqual([expect.any(ReplyError)]);
    expect(failuresIn(failed("below_quorum", { turn: 1 }))).toMatchObject([{ code: "below_quorum", facts: { turn: 1 } }]);
  });

  it("may lack what it should have, and is still told", () => {
    expect(failuresIn(failed("reply_malformed", {}))).toEqual([expect.any(ReviewInstructError)]);
    for (const other of [null, 7, {}, { type: "review" }, { type: "failed", code: 3 }]) expect(failuresIn(other)).toEqual([]);
  });

  it("keeps what the server itself says of it", () => {
    expect(serverErrorOf({ error: "InputError", message: "nothing to ask" })).toMatchObject({
      code: "bad_input",
      message: expect.stringContaining("nothing to ask"),
    });
    expect(serverErrorOf({ error: "GraphRecursionError", message: "limit" })).toMatchObject({ code: "server_run_failed" });
    expect(serverErrorOf("Run not found")).toMatchObject({ code: "server_run_failed", message: expect.stringContaining("Run not found") });
  });
});

it("a conversation's threads have ids of their own, the first the conversation's", () => {
  const id = "6057df56-3e4d-8f27-b805-2308469420a2";
  const ids = [0, 1, 2, 3].map((index) => threadIdOf(id, index));
  expect(ids[0]).toBe(id);
  expect(new Set(ids).size).toBe(4);
  expect(ids).toEqual([0, 1, 2, 3].map((index) => threadIdOf(id, index)));
  for (const threadId of ids) expect(threadId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
