/**
 * Defects of the method's reference implementation that a running graph can show, one test for each. Panels on the command
 * line, output folders and retries are tested elsewhere.
 */
import { describe, expect, it } from "vitest";

import { parseQuotes } from "../../src/text/quote-untrusted.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText, formatReview } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };
const context = { turns: 3, panel: createPanel("a", "b", "c") };

async function run(script?: Script, settings: Parameters<typeof createThread>[0] = context) {
  const created = createGraphUnderTest(script);
  return { ...created, output: await created.graph.invoke(seed, createThread(settings)) };
}

describe("defects of the reference implementation", () => {
  it("a conversation needs only models and runs to its last turn", async () => {
    const { output } = await run();
    expect(output.turns).toHaveLength(3);
    expect(output.messages).toHaveLength(6);
  });

  it("every follow-up instruction is written by the chairman", async () => {
    const { output, requests } = await run((request, call) => {
      if (request.role === "chairman") return { text: JSON.stringify({ instruction: `And question ${call.roleCallIndex + 1}?` }) };
      return request.role === "candidate" ? { text: `The candidate's answer ${call.roleCallIndex + 1}.` } : defaultScript(request, call);
    });
    expect(requests.filter(({ role }) => role === "chairman")).toHaveLength(2);
    expect(toConversationMessages(output.messages).map(({ content }) => content)).toEqual([
      seed.instruction,
      "The candidate's answer 1.",
      "And question 1?",
      "The candidate's answer 2.",
      "And question 2?",
      "The candidate's answer 3.",
    ]);
  });

  it("every role gets plain texts that end with a user message, and plain texts are saved", async () => {
    const { output, requests } = await run();
    for (const { messages } of requests) {
      expect(messages.at(-1)?.getType()).toBe("human");
      for (const message of messages) expect(typeof message.content).toBe("string");
    }
    for (const message of output.messages) expect(typeof message.content).toBe("string");
    expect(JSON.stringify(toConversationMessages(output.messages))).not.toContain("[object");
  });

  it("the chairman gets every critique in full", async () => {
    const createCritique = (label: string) => `${label}: no temperature, "no time",\nno <salt>.`;
    const { requests, output } = await run((request, call) =>
      request.role === "reviewer" ? { text: formatReview("negative", createCritique(call.label)) } : defaultScript(request, call),
    );
    const quoted = requests
      .filter(({ role }) => role === "chairman")
      .map((request) => parseQuotes(getPromptText(request)).flatMap(({ label, text }) => (label === "critique" ? [text] : [])));
    expect(quoted).toEqual([1, 2].map((turn) => ["a", "b", "c"].map((name) => createCritique(`${name} ${turn}`))));
    expect(output.turns.slice(0, 2).map(({ reviews }) => reviews.map(({ critique }) => critique))).toEqual(quoted);
  });

  it("an instruction is never stored with tags around it", async () => {
    for (const tag of ["ask", "raise", "question", "instruction"]) {
      const { output, requests } = await run((request, call) => {
        if (request.role !== "chairman") return defaultScript(request, call);
        return { text: request.messages.length === 2 ? `<${tag}>What flour ${call.turn}?</${tag}>` : `What flour ${call.turn}?` };
      });
      expect(toConversationMessages(output.messages).flatMap(({ role, content }) => (role === "user" ? [content] : []))).toEqual([
        seed.instruction,
        "What flour 1?",
        "What flour 2?",
      ]);
      // The prompt asks for the format that the parser reads.
      const request = requests.find(({ role }) => role === "chairman");
      expect(request ? getPromptText(request) : "").toContain('{"instruction":');
      expect(request ? getPromptText(request) : "").not.toMatch(/<(ask|raise)>/);
    }
  });

  it("reviewers run in parallel", async () => {
    let running = 0;
    let maxRunning = 0;
    await run(async (request, call) => {
      if (request.role !== "reviewer") return defaultScript(request, call);
      maxRunning = Math.max(maxRunning, ++running);
      // Reviewers that were started together are all running after one round of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return defaultScript(request, call);
    });
    expect(maxRunning).toBe(3);
  });

  it("no review and no instruction is requested after the last answer", async () => {
    const { startedCalls, output } = await run();
    expect(startedCalls).toHaveLength(11);
    expect(startedCalls.at(-1)).toBe("candidate 3");
    expect(output.turns.at(-1)?.calls.map(({ caller }) => caller)).toEqual(["candidate"]);
  });

  it("the input of a seed reaches every role", async () => {
    const { graph, requests } = createGraphUnderTest();
    const output = await graph.invoke({ instruction: "Sort these.", input: "pear, apple" }, createThread({ mode: "multi_review", turns: 2 }));
    expect(toConversationMessages(output.messages)[0]?.content).toBe("Sort these.\n\npear, apple");
    for (const request of requests) expect(getPromptText(request)).toContain("pear, apple");
  });

  it("candidate and chairman get the language setting", async () => {
    const swahili = await run(undefined, { ...context, language: "Swahili" });
    const unspecified = await run(undefined, context);
    const getTexts = (role: string, { requests }: typeof unspecified) => requests.filter((request) => request.role === role).map(getPromptText);
    for (const role of ["candidate", "chairman"]) {
      for (const text of getTexts(role, swahili)) expect(text).toContain("Swahili");
      for (const text of getTexts(role, unspecified)) expect(text).toContain("the language of the user's first message");
    }
  });

  it("every role and every reviewer can have its own model and endpoint", async () => {
    const [a, b] = createPanel("a", "b").map((reviewer, index) => ({
      ...reviewer,
      model: `openai:r${index}`,
      baseUrl: `http://127.0.0.1:800${index}/v1`,
    }));
    if (!a || !b) throw new Error("no panel");
    const { requests } = await run(undefined, {
      turns: 2,
      model: "openai:common",
      baseUrl: "http://127.0.0.1:9000/v1",
      panel: [a, b],
      chairman: { model: "openai:chair", apiKeyEnv: "CHAIR_KEY" },
      candidate: { temperature: 1 },
    });
    const models = requests.map(({ role, reviewer, settings }) => [
      reviewer ?? role,
      settings.model,
      settings.baseUrl,
      settings.apiKeyEnv,
      settings.temperature,
    ]);
    expect(models).toEqual([
      ["candidate", "openai:common", "http://127.0.0.1:9000/v1", "OPENAI_API_KEY", 1],
      ["a", "openai:r0", "http://127.0.0.1:8000/v1", "OPENAI_API_KEY", 0.1],
      ["b", "openai:r1", "http://127.0.0.1:8001/v1", "OPENAI_API_KEY", 0.1],
      ["chairman", "openai:chair", "http://127.0.0.1:9000/v1", "CHAIR_KEY", 0.1],
      ["candidate", "openai:common", "http://127.0.0.1:9000/v1", "OPENAI_API_KEY", 1],
    ]);
  });

  it("every ablation of the paper can be run, with verdicts and directions recorded", async () => {
    const script: Script = (request, call) =>
      request.role === "reviewer"
        ? { text: formatReview(call.turn === 1 ? "negative" : "positive", "Hm, it is thin.") }
        : defaultScript(request, call);
    const record = async (mode: "single_turn" | "no_review" | "one_review" | "multi_review") =>
      (await run(script, { ...context, mode })).output.turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews.length]);
    expect(await record("single_turn")).toEqual([["seed", null, 0]]);
    expect(await record("no_review")).toEqual([
      ["seed", null, 0],
      ["follow_up", null, 0],
      ["follow_up", null, 0],
    ]);
    expect(await record("one_review")).toEqual([
      ["seed", "negative", 1],
      ["depth", "positive", 1],
      ["breadth", null, 0],
    ]);
    expect(await record("multi_review")).toEqual([
      ["seed", "negative", 3],
      ["depth", "positive", 3],
      ["breadth", null, 0],
    ]);
  });
});
