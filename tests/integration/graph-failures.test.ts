import { expect, it } from "vitest";

import { createGraphUnderTest, createThread, createPanel, createUnavailableError } from "../support/graph-under-test.js";
import { defaultScript } from "../support/scripted-models.js";

it("a failure is told with code and facts to whoever watches, and then thrown", async () => {
  const { graph } = createGraphUnderTest((request, call) =>
    call.label === "candidate 2" ? { finishReason: "refusal", text: "No." } : defaultScript(request, call),
  );
  const failures: unknown[] = [];
  const watch = async () => {
    for await (const event of await graph.stream(
      { instruction: "Why?" },
      { ...newThread({ turns: 2, panel: createPanel("a") }), streamMode: "custom" },
    )) {
      if (event.type === "error") failures.push(event);
    }
  };
  await expect(watch()).rejects.toMatchObject({ code: "response_refused" });
  expect(failures).toEqual([
    {
      type: "error",
      name: "InvalidResponseError",
      code: "response_refused",
      message: expect.stringContaining("refused"),
      details: { role: "candidate", model: "scripted", attempts: 1, rawText: "No." },
    },
  ]);
});

it("a reviewer that abstains fails nothing", async () => {
  const { graph } = createGraphUnderTest((request, call) => {
    if (request.reviewer === "c") throw createUnavailableError("reviewer");
    return defaultScript(request, call);
  });
  const types: string[] = [];
  const config = { ...newThread({ turns: 2, panel: createPanel("a", "b", "c") }), streamMode: "custom" as const };
  for await (const event of await graph.stream({ instruction: "Why?" }, config)) types.push(event.type);
  expect(types).toContain("abstention");
  expect(types).not.toContain("error");
});

it("answers keep the ids that they were streamed under, but an id that comes twice replaces no answer", async () => {
  const answers = ["one", "two", "two"];
  const { graph } = createGraphUnderTest((request, call) =>
    request.role === "candidate" ? { text: `Answer ${call.turn}.`, messageId: answers[call.turn - 1] } : defaultScript(request, call),
  );
  const { messages } = await graph.invoke({ instruction: "Why?" }, createThread({ turns: 3, mode: "no_review" }));
  const given = messages.filter((message) => message.type === "ai");
  expect(given.map((message) => message.text)).toEqual(["Answer 1.", "Answer 2.", "Answer 3."]);
  expect(given.map((message) => message.id).slice(0, 2)).toEqual(["one", "two"]);
  expect(new Set(messages.map((message) => message.id)).size).toBe(6);
});
