import { describe, expect, it } from "vitest";

import { ModelCallError, InvalidResponseError, ReviewInstructError } from "../../../../src/errors.js";
import { parseErrorEvent, readState, toServerError } from "../../../../src/generation/remote/thread-state.js";
import { getThreadId } from "../../../../src/generation/remote/remote-runner.js";

const turn = { turn: 1, userMessageIndex: 0, evolution: "seed", reviews: [], abstentions: [], verdict: null, calls: [] };
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
    } = readState({ tasks: [], checkpoint: { checkpoint_id: "c" }, values: { messages, turns: [turn], earlyStop: null } });
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
      expect(() => readState(state)).toThrow(expect.objectContaining({ code: "server_state_invalid" }));
    },
  );
});

describe("a failure on a server", () => {
  const failed = (code: string, details: object) => ({ type: "error", name: "X", code, message: "It failed.", details });

  it("comes back as the error that it was", () => {
    const call = parseErrorEvent(failed("model_unauthorized", { role: "candidate", endpoint: "http://x", model: "m", status: 401, attempts: 1 }));
    expect(call).toEqual([expect.any(ModelCallError)]);
    expect(call[0]).toMatchObject({ code: "model_unauthorized", message: "It failed.", details: { status: 401 } });
    expect(parseErrorEvent(failed("model_insufficient_quota", call[0]?.details ?? {}))).toEqual([expect.any(ModelCallError)]);
    const reply = parseErrorEvent(failed("response_invalid", { role: "candidate", model: "m", attempts: 3, rawText: "{" }));
    expect(reply).toEqual([expect.any(InvalidResponseError)]);
    expect(parseErrorEvent(failed("quorum_not_met", { turn: 1 }))).toMatchObject([{ code: "quorum_not_met", details: { turn: 1 } }]);
  });

  it("may lack what it should have, and is still told", () => {
    expect(parseErrorEvent(failed("response_invalid", {}))).toEqual([expect.any(ReviewInstructError)]);
    for (const other of [null, 7, {}, { type: "review" }, { type: "error", code: 3 }]) expect(parseErrorEvent(other)).toEqual([]);
  });

  it("keeps what the server itself says of it", () => {
    expect(toServerError({ error: "InputError", message: "nothing to ask" })).toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining("nothing to ask"),
    });
    expect(toServerError({ error: "GraphRecursionError", message: "limit" })).toMatchObject({ code: "server_run_failed" });
    expect(toServerError("Run not found")).toMatchObject({ code: "server_run_failed", message: expect.stringContaining("Run not found") });
  });
});

it("a conversation's threads have ids of their own, the first the conversation's", () => {
  const id = "6057df56-3e4d-8f27-b805-2308469420a2";
  const ids = [0, 1, 2, 3].map((index) => getThreadId(id, index));
  expect(ids[0]).toBe(id);
  expect(new Set(ids).size).toBe(4);
  expect(ids).toEqual([0, 1, 2, 3].map((index) => getThreadId(id, index)));
  for (const threadId of ids) expect(threadId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
