import { expect, it } from "vitest";

import { createGraphUnderTest, createThread, createPanel, createUnavailableError } from "../support/graph-under-test.js";
import { defaultScript } from "../support/scripted-models.js";

it("an error is streamed with code and details before it fails the run", async () => {
  const { graph } = createGraphUnderTest((request, call) =>
    call.label === "candidate 2" ? { finishReason: "refusal", text: "No." } : defaultScript(request, call),
  );
  const errors: unknown[] = [];
  const consume = async () => {
    for await (const event of await graph.stream(
      { instruction: "Why?" },
      { ...createThread({ turns: 2, panel: createPanel("a") }), streamMode: "custom" },
    )) {
      if (event.type === "error") errors.push(event);
    }
  };
  await expect(consume()).rejects.toMatchObject({ code: "response_refused" });
  expect(errors).toEqual([
    {
      type: "error",
      name: "InvalidResponseError",
      code: "response_refused",
      message: expect.stringContaining("refused"),
      details: { caller: { name: "candidate" }, model: "scripted", attempts: 1, rawText: "No." },
    },
  ]);
});

it("an abstention streams no error", async () => {
  const { graph } = createGraphUnderTest((request, call) => {
    if (request.reviewer === "c") throw createUnavailableError("reviewer");
    return defaultScript(request, call);
  });
  const types: string[] = [];
  const config = { ...createThread({ turns: 2, panel: createPanel("a", "b", "c") }), streamMode: "custom" as const };
  for await (const event of await graph.stream({ instruction: "Why?" }, config)) types.push(event.type);
  expect(types).toContain("abstention");
  expect(types).not.toContain("error");
});

it("answers keep the ids they were streamed under, and a repeated id replaces no answer", async () => {
  const messageIds = ["one", "two", "two"];
  const { graph } = createGraphUnderTest((request, call) =>
    request.role === "candidate" ? { text: `Answer ${call.turn}.`, messageId: messageIds[call.turn - 1] } : defaultScript(request, call),
  );
  const { messages } = await graph.invoke({ instruction: "Why?" }, createThread({ turns: 3, mode: "no_review" }));
  const answers = messages.filter((message) => message.type === "ai");
  expect(answers.map((message) => message.text)).toEqual(["Answer 1.", "Answer 2.", "Answer 3."]);
  expect(answers.map((message) => message.id).slice(0, 2)).toEqual(["one", "two"]);
  expect(new Set(messages.map((message) => message.id)).size).toBe(6);
});
