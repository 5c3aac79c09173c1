import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { expect, it } from "vitest";

import { createReviewInstructGraph, getRecursionLimit } from "../../src/graph/review-instruct.js";
import { Settings } from "../../src/state/settings.js";
import { createScriptedModels } from "../support/scripted-models.js";

it("the loop runs as a node of another graph with the recursion limit for its turns", async () => {
  const turns = 20;
  const { callModel } = createScriptedModels();
  const host = new StateGraph(MessagesAnnotation, Settings)
    .addNode("loop", createReviewInstructGraph({ callModel }))
    .addEdge(START, "loop")
    .compile();
  const input = { messages: [{ role: "user", content: "How do I bake bread?" }] };
  const { messages } = await host.invoke(input, { context: Settings.parse({ turns, humanReview: false }), recursionLimit: getRecursionLimit(turns) });
  expect(messages).toHaveLength(2 * turns);
});
