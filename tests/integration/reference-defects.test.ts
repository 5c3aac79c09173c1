/**
 * The faults of the method's first implementation that can be shown on a running graph, each excluded here. How panels are
 * given on the command line, and how output folders and retries behave, is tested where they live.
 */
import { describe, expect, it } from "vitest";

import { parseQuotes } from "../../src/model-calls/quote-untrusted.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText, formatReview } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };
const context = { turns: 3, panel: createPanel("a", "b", "c") };

async function run(script?: Script, settings: Parameters<typeof createThread>[0] = context) {
  const bench = createGraphUnderTest(script);
  return { ...bench, output: await bench.graph.invoke(seed, createThread(settings)) };
}

describe("a conversation", () => {
  it("starts with models alone, and comes to its end", async () => {
    const { output } = await run();
    expect(output.turns).toHaveLength(3);
    expect(output.messages).toHaveLength(6);
  });

  it("has every follow-up written by the chairman", async () => {
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

  it("is sent to every role as plain texts that end with a user's message, and saved as plain texts", async () => {
    const { output, requests } = await run();
    for (const { messages } of requests) {
      expect(messages.at(-1)?.getType()).toBe("human");
      for (const message of messages) expect(typeof message.content).toBe("string");
    }
    for (const message of output.messages) expect(typeof message.content).toBe("string");
    expect(JSON.stringify(toConversationMessages(output.messages))).not.toContain("[object");
  });

  it("brings every critique to the chairman, whole", async () => {
    const critiqueOf = (label: string) => `${label}: no temperature, "no time",\nno <salt>.`;
    const { requests, output } = await run((request, call) =>
      request.role === "reviewer" ? { text: formatReview("negative", critiqueOf(call.label)) } : defaultScript(request, call),
    );
    const read = requests
      .filter(({ role }) => role === "chairman")
      .map((request) => parseQuotes(getPromptText(request)).flatMap(({ label, text }) => (label === "critique" ? [text] : [])));
    expect(read).toEqual([1, 2].map((turn) => ["a", "b", "c"].map((name) => critiqueOf(`${name} ${turn}`))));
    expect(output.turns.slice(0, 2).map(({ reviews }) => reviews.map(({ critique }) => critique))).toEqual(read);
  });

  it("never stores a question with a tag around it", async () => {
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
      // Prompt and parser speak of the same thing: what the prompt asks for is what the parser reads.
      const asked = requests.find(({ role }) => role === "chairman");
      expect(asked ? getPromptText(asked) : "").toContain('{"instruction":');
      expect(asked ? getPromptText(asked) : "").not.toMatch(/<(ask|raise)>/);
    }
  });

  it("has its reviewers work side by side", async () => {
    let underWay = 0;
    let most = 0;
    await run(async (request, call) => {
      if (request.role !== "reviewer") return defaultScript(request, call);
      most = Math.max(most, ++underWay);
      // One round of the event loop: reviewers that were started together are all under way by then.
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      return defaultScript(request, call);
    });
    expect(most).toBe(3);
  });

  it("pays for no review and no question after the last answer", async () => {
    const { startedCalls, output } = await run();
    expect(startedCalls).toHaveLength(11);
    expect(startedCalls.at(-1)).toBe("candidate 3");
    expect(output.turns.at(-1)?.calls.map(({ role }) => role)).toEqual(["candidate"]);
  });

  it("keeps the seed's input", async () => {
    const { graph, requests } = createGraphUnderTest();
    const output = await graph.invoke({ instruction: "Sort these.", input: "pear, apple" }, createThread({ mode: "multi_review", turns: 2 }));
    expect(toConversationMessages(output.messages)[0]?.content).toBe("Sort these.\n\npear, apple");
    for (const request of requests) expect(getPromptText(request)).toContain("pear, apple");
  });

  it("is held in the language that was asked for", async () => {
    const swahili = await run(undefined, { ...context, language: "Swahili" });
    const own = await run(undefined, context);
    const texts = (role: string, { requests }: typeof own) => requests.filter((request) => request.role === role).map(getPromptText);
    for (const role of ["candidate", "chairman"]) {
      for (const text of texts(role, swahili)) expect(text).toContain("Swahili");
      for (const text of texts(role, own)) expect(text).toContain("the language of the user's first message");
    }
  });

  it("gives every role and every reviewer a model and an endpoint of its own", async () => {
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
    const used = requests.map(({ role, reviewer, settings }) => [
      reviewer ?? role,
      settings.model,
      settings.baseUrl,
      settings.apiKeyEnv,
      settings.temperature,
    ]);
    expect(used).toEqual([
      ["candidate", "openai:common", "http://127.0.0.1:9000/v1", "OPENAI_API_KEY", 1],
      ["a", "openai:r0", "http://127.0.0.1:8000/v1", "OPENAI_API_KEY", 0.1],
      ["b", "openai:r1", "http://127.0.0.1:8001/v1", "OPENAI_API_KEY", 0.1],
      ["chairman", "openai:chair", "http://127.0.0.1:9000/v1", "CHAIR_KEY", 0.1],
      ["candidate", "openai:common", "http://127.0.0.1:9000/v1", "OPENAI_API_KEY", 1],
    ]);
  });

  it("runs in each of the paper's ablations, with verdicts and directions on record", async () => {
    const split: Script = (request, call) =>
      request.role === "reviewer" ? { text: formatReview(call.turn === 1 ? "negative" : "positive", "Hm.") } : defaultScript(request, call);
    const record = async (mode: "single_turn" | "no_review" | "one_review" | "multi_review") =>
      (await run(split, { ...context, mode })).output.turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews.length]);
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
