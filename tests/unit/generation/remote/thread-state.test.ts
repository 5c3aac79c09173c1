import { describe, expect, it } from "vitest";

import { InvalidResponseError, ModelCallError, ReviewInstructError } from "../../../../src/errors.js";
import { getThreadId } from "../../../../src/generation/remote/remote-runner.js";
import { parseErrorEvent, parseThreadState, toServerError } from "../../../../src/generation/remote/thread-state.js";

const turn = { turn: 1, userMessageIndex: 0, evolution: "seed", reviews: [], abstentions: [], verdict: null, calls: [] };
const messages = [
  { type: "system", content: "Be brief.", id: "0" },
  { type: "human", content: "Hi?", id: "1" },
  { type: "ai", content: "Hi.", id: "2" },
  { type: "tool", content: "?" },
];

describe("parseThreadState", () => {
  it("parseThreadState returns the messages of a finished conversation", () => {
    const state = { tasks: [], checkpoint: { checkpoint_id: "c" }, values: { messages, turns: [turn], earlyStop: null } };
    const { output, ...rest } = parseThreadState(state);
    expect(rest).toEqual({ checkpointId: "c", isResumable: false, turn: 1 });
    expect(output?.messages.map((message) => [message.type, message.text, message.id])).toEqual([
      ["system", "Be brief.", "0"],
      ["human", "Hi?", "1"],
      ["ai", "Hi.", "2"],
    ]);
  });

  it("parseThreadState returns a resumable conversation without output", () => {
    expect(parseThreadState({ tasks: [{ id: "1", name: "reviewer" }], checkpoint: null, values: { turns: [turn] } })).toEqual({
      checkpointId: null,
      isResumable: true,
      output: null,
      turn: 1,
    });
  });

  it("parseThreadState returns nothing to resume for an empty thread", () => {
    expect(parseThreadState({ tasks: [], values: {} })).toEqual({ checkpointId: null, isResumable: false, output: null, turn: null });
  });

  it.each([null, {}, { tasks: [], values: { turns: [{ turn: "x" }] } }, { tasks: [], values: { messages: "none" } }])(
    "parseThreadState throws server_state_invalid for the state of another graph: %j",
    (state) => {
      expect(() => parseThreadState(state)).toThrow(expect.objectContaining({ code: "server_state_invalid" }));
    },
  );
});

const createErrorEvent = (code: string, details: object) => ({ type: "error", name: "X", code, message: "It failed.", details });
const candidate = { name: "candidate" };
const reviewer = { name: "depth", group: "reviewer" };

describe("parseErrorEvent", () => {
  it("parseErrorEvent restores model call errors with their details", () => {
    const details = { caller: reviewer, endpoint: "http://x", model: "m", status: 401, attempts: 1 };
    const errors = parseErrorEvent(createErrorEvent("model_unauthorized", details));
    expect(errors).toEqual([expect.any(ModelCallError)]);
    expect(errors[0]).toMatchObject({ code: "model_unauthorized", message: "It failed.", details });
    expect(parseErrorEvent(createErrorEvent("model_insufficient_quota", details))).toEqual([expect.any(ModelCallError)]);
  });

  it("parseErrorEvent restores invalid response errors with their details", () => {
    const details = { caller: candidate, model: "m", attempts: 3, rawText: "{" };
    const errors = parseErrorEvent(createErrorEvent("response_invalid", details));
    expect(errors).toEqual([expect.any(InvalidResponseError)]);
    expect(errors[0]).toMatchObject({ code: "response_invalid", details });
  });

  it("parseErrorEvent keeps the code and details of every other error", () => {
    expect(parseErrorEvent(createErrorEvent("quorum_not_met", { turn: 1 }))).toMatchObject([{ code: "quorum_not_met", details: { turn: 1 } }]);
  });

  it("parseErrorEvent returns a general error when details are missing", () => {
    const errors = parseErrorEvent(createErrorEvent("response_invalid", {}));
    expect(errors).toEqual([expect.any(ReviewInstructError)]);
    expect(errors[0]).not.toBeInstanceOf(InvalidResponseError);
  });

  it.each([null, 7, {}, { type: "review" }, { type: "error", code: 3 }])("parseErrorEvent returns no error for %j", (event) => {
    expect(parseErrorEvent(event)).toEqual([]);
  });
});

describe("toServerError", () => {
  it("toServerError keeps the message and restores the code of known errors", () => {
    expect(toServerError({ error: "InputError", message: "nothing to ask" })).toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining("nothing to ask"),
    });
  });

  it("toServerError returns server_run_failed for all other errors", () => {
    expect(toServerError({ error: "GraphRecursionError", message: "limit" })).toMatchObject({ code: "server_run_failed" });
    expect(toServerError("Run not found")).toMatchObject({ code: "server_run_failed", message: expect.stringContaining("Run not found") });
  });
});

it("getThreadId returns the conversation's own id first, then derived UUIDs", () => {
  const id = "6057df56-3e4d-8f27-b805-2308469420a2";
  const ids = [0, 1, 2, 3].map((index) => getThreadId(id, index));
  expect(ids[0]).toBe(id);
  expect(new Set(ids).size).toBe(4);
  expect(ids).toEqual([0, 1, 2, 3].map((index) => getThreadId(id, index)));
  for (const threadId of ids) expect(threadId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
