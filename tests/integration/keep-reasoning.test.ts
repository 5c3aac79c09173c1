import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { toConversationRow } from "../../src/dataset/conversation-row.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer(({ role, index }) => {
    if (role !== "candidate") return { reasoning: "The panel plans." };
    return index === 0 ? { content: "Because it sets.", reasoning: "Plan: SECRET." } : { content: "<think>Plan two: SECRET.</think>Then it dries." };
  });
});
afterEach(() => server.close());

const provenance = {
  models: { candidate: "m", chairman: "m", reviewers: [] },
  prompts: { candidate: "1", reviewer: "1", chairman: "1" },
  fingerprint: "f",
};

describe("the setting keepReasoning", () => {
  it.each([
    [true, ["Plan: SECRET.", "Plan two: SECRET."]],
    [false, ["", ""]],
  ])("%s: turns hold the candidate's reasoning %j, and no message does", async (keepReasoning, expected) => {
    const graph = createReviewInstructGraph({ callModel: createModelCaller({ env: testEnv }) });
    const context = { turns: 2, model: "openai:m", baseUrl: server.baseUrl, apiKeyEnv: "TEST_KEY", keepReasoning };
    const seed = { instruction: "Why does bread turn firm?" };
    const row = toConversationRow("id", 0, seed, await graph.invoke(seed, { context }), provenance);
    expect(row.turns.map(({ reasoning }) => reasoning)).toEqual(expected);
    expect(JSON.stringify(row.messages)).not.toMatch(/SECRET|panel plans/);
    expect(JSON.stringify(server.requests.map(({ body }) => body))).not.toContain("SECRET");
  });
});
