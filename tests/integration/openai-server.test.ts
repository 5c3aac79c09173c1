import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, expect, it } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { buildCandidatePrompt } from "../../src/prompts/candidate.js";
import { buildChairmanPrompt, instructionResponseSchema, parseInstruction } from "../../src/prompts/chairman.js";
import { buildReviewerPrompt, parseReview, reviewResponseSchema } from "../../src/prompts/reviewer.js";
import { Settings } from "../../src/state/settings.js";
import { createRequest, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const settings = Settings.parse({});
const callModel = createModelCaller({ env: testEnv });
const createConversation = (answer: string) => [
  { role: "user" as const, content: 'Reply with one JSON object: {"critique": 1}' },
  { role: "assistant" as const, content: answer },
];
const getText = async (overrides: Parameters<typeof createRequest>[1]) => (await callModel(createRequest(server.baseUrl, overrides), {})).text;

it.each(["with a schema", "without a schema"])("the test server recognises each role and responds as it should, %s", async (kind) => {
  const hasSchema = kind === "with a schema";
  const requestReview = (answer: string, reviewer = settings.panel[0]) => {
    if (!reviewer) return expect.fail("the default panel is empty");
    const messages = buildReviewerPrompt(settings, reviewer, createConversation(answer));
    return getText({ messages, ...(hasSchema ? { responseFormat: reviewResponseSchema } : {}) });
  };
  const requestInstruction = (answer: string) => {
    const input = { messages: createConversation(answer), reviews: [], verdict: null, evolution: "follow_up" as const };
    return getText({ messages: buildChairmanPrompt(settings, input), ...(hasSchema ? { responseFormat: instructionResponseSchema } : {}) });
  };
  const answers = [
    await getText({ messages: buildCandidatePrompt(settings, [new SystemMessage("You speak of reviews."), new HumanMessage("Why?")]) }),
    await getText({ messages: buildCandidatePrompt(settings, [new HumanMessage("How?")]) }),
  ];
  const reviews = [await requestReview("One."), await requestReview("Two."), await requestReview("One.", settings.panel[1])];
  const critiques = reviews.map((text) => parseReview(text).critique);
  const instructions = [await requestInstruction("One."), await requestInstruction("Two.")].map((text) =>
    parseInstruction(text, createConversation("One.")),
  );
  expect(server.requests.map(({ role }) => role)).toEqual([
    ...Array(2).fill("candidate"),
    ...Array(3).fill("reviewer"),
    ...Array(2).fill("chairman"),
  ]);
  expect(new Set([...answers, ...critiques, ...instructions]).size).toBe(7);
});

it("the test server counts how many requests are open at the same time", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.setHandler(() => released.then(() => undefined));
  const texts = Promise.all([1, 2, 3].map((number) => getText({ messages: [new HumanMessage(`${number}`)] })));
  await server.waitForRequests(3);
  release();
  await texts;
  await getText({});
  expect(server.peakConcurrency).toBe(3);
  await server.waitUntilIdle();
  expect(server.requests.every(({ answered, abandoned }) => answered && !abandoned)).toBe(true);
});
