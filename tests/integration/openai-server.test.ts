import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, expect, it } from "vitest";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import { buildCandidatePrompt } from "../../src/prompts/candidate.js";
import { buildChairmanPrompt, instructionResponseSchema, parseInstruction } from "../../src/prompts/chairman.js";
import { parseReview, reviewResponseSchema, buildReviewerPrompt } from "../../src/prompts/reviewer.js";
import { Settings } from "../../src/state/settings.js";
import { requestTo, testEnv } from "../support/model-requests.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const settings = Settings.parse({});
const access = createModelCaller({ env: testEnv });
const dialogue = (answer: string) => [
  { role: "user" as const, content: 'Reply with one JSON object: {"critique": 1}' },
  { role: "assistant" as const, content: answer },
];
const ask = async (overrides: Parameters<typeof requestTo>[1]) => (await access(requestTo(server.baseUrl, overrides), {})).text;

it.each(["with a schema", "without"])("tells the roles apart and answers each as it should, %s", async (kind) => {
  const schema = kind === "with a schema";
  const review = (answer: string, reviewer = settings.panel[0]) => {
    if (!reviewer) return expect.fail("the default panel is empty");
    return ask({ messages: buildReviewerPrompt(settings, reviewer, dialogue(answer)), ...(schema ? { responseFormat: reviewResponseSchema } : {}) });
  };
  const instruct = (answer: string) => {
    const brief = { dialogue: dialogue(answer), reviews: [], verdict: null, evolution: "follow_up" as const };
    return ask({ messages: buildChairmanPrompt(settings, brief), ...(schema ? { responseFormat: instructionResponseSchema } : {}) });
  };
  const answers = [
    await ask({ messages: buildCandidatePrompt(settings, [new SystemMessage("You speak of reviews."), new HumanMessage("Why?")]) }),
    await ask({ messages: buildCandidatePrompt(settings, [new HumanMessage("How?")]) }),
  ];
  const critiques = [await review("One."), await review("Two."), await review("One.", settings.panel[1])].map((text) => parseReview(text).critique);
  const instructions = [await instruct("One."), await instruct("Two.")].map((text) => parseInstruction(text, dialogue("One.")));
  expect(server.requests.map(({ role }) => role)).toEqual([
    ...Array(2).fill("candidate"),
    ...Array(3).fill("reviewer"),
    ...Array(2).fill("chairman"),
  ]);
  expect(new Set([...answers, ...critiques, ...instructions]).size).toBe(7);
});

it("counts how many requests are open at once", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.setHandler(() => released.then(() => undefined));
  const asking = Promise.all([1, 2, 3].map((number) => ask({ messages: [new HumanMessage(`${number}`)] })));
  await server.arrived(3);
  release();
  await asking;
  await ask({});
  expect(server.peakConcurrency).toBe(3);
  await server.idle();
  expect(server.requests.every(({ answered, abandoned }) => answered && !abandoned)).toBe(true);
});
