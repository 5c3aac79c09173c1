import { AIMessage, type AIMessageChunk, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { OfflineChatModel } from "../../../../src/models/offline/model.js";
import { anyText, rehearse } from "../../../support/offline-conversation.js";

const model = new OfflineChatModel();
const question = "How do I prune apple trees in a cold winter?";

/** Seeds of many kinds, none of them like another. */
const variedSeeds = [
  "How do I start a sourdough?",
  "Give three tips for staying healthy.",
  "Explain photosynthesis to a ten-year-old.",
  "请解释光合作用如何把光能转化为化学能。",
  "日本の茶道の歴史について説明してください。",
  "اشرح كيف تعمل الطاقة الشمسية في المنازل",
  "What is the capital of France?",
  "Write a short story about a lighthouse keeper who collects clocks.",
  "Compare TCP and UDP for a video game with many players.",
  "Rewrite the sentence politely.\n\nGive me the report by Friday or I will tell your boss.",
  "Como funciona um motor elétrico?",
  "Name the planets of the solar system.",
  "Summarise the causes of the French Revolution and its effects on Europe.",
  "Wie funktioniert eine Wärmepumpe im Winter?",
  "How can I save money on groceries for a family of five?",
  "Describe the water cycle.",
  "Design a database schema for a public library.",
  "What makes a good cover letter for a junior nurse?",
  "Generate a list of icebreakers for a remote team.",
  "Which exercises help against back pain caused by office work?",
  "Explain the difference between inflation and deflation.",
  "Find the error in this code.\n\nfor i in range(10): print(i",
  "Translate 'good morning' into Swahili.",
  "Pourquoi les feuilles changent-elles de couleur en automne ?",
];

async function collect(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk[]> {
  const chunks: AIMessageChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

describe("OfflineChatModel", () => {
  it("gives the same reply to the same request, from any instance and with any options", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, async (system, text) => {
        const messages = [new SystemMessage(system), new HumanMessage(text)];
        const first = await new OfflineChatModel().invoke(messages);
        const second = await new OfflineChatModel().invoke(messages, { tags: ["later"], metadata: { run: 2 } });
        expect(second.text).toBe(first.text);
        expect(second.usage_metadata).toEqual(first.usage_metadata);
      }),
    );
  });

  it("says who answered, why it stopped, and what it estimates to have used", async () => {
    const reply = await model.invoke([new SystemMessage("Été"), new HumanMessage("What is rain?")]);
    const output = Math.ceil(Buffer.byteLength(reply.text) / 4);
    expect(reply.response_metadata).toMatchObject({ model_name: "offline", finish_reason: "stop" });
    // "Été" has 5 bytes, the question 13: 2 and 4 tokens, and 4 for each of the two messages.
    expect(reply.usage_metadata).toEqual({ input_tokens: 14, output_tokens: output, total_tokens: 14 + output });
    expect(await model.getNumTokens("What is rain?")).toBe(4);
  });

  it("streams the same reply in pieces, with the usage on the last", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const whole = await model.invoke([new HumanMessage(text)]);
        const chunks = await collect(await model.stream([new HumanMessage(text)]));
        expect(chunks.length).toBeGreaterThan(1);
        expect(chunks.map((chunk) => chunk.text).join("")).toBe(whole.text);
        expect(chunks.slice(0, -1).every((chunk) => chunk.usage_metadata === undefined)).toBe(true);
        expect(chunks.at(-1)?.usage_metadata).toEqual(whole.usage_metadata);
        expect(chunks.at(-1)?.response_metadata).toMatchObject({ model_name: "offline", finish_reason: "stop" });
      }),
      { numRuns: 30 },
    );
  });

  it("tells callbacks of start, tokens and end", async () => {
    const told: string[] = [];
    let streamed = "";
    const callbacks = [
      {
        handleChatModelStart: () => void told.push("start"),
        handleLLMNewToken: (token: string) => {
          streamed += token;
        },
        handleLLMEnd: () => void told.push("end"),
      },
    ];
    const chunks = await collect(await model.stream(question, { callbacks }));
    expect(streamed).toBe(chunks.map((chunk) => chunk.text).join(""));
    expect(told).toEqual(["start", "end"]);
  });

  it("stops for an abort signal, before it begins and between two pieces", async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of await model.stream(question, { signal: controller.signal })) {
        seen.push(chunk.text);
        controller.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow();
    expect(seen).toHaveLength(1);
    await expect(model.invoke(question, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("ends before a stop sequence", async () => {
    const whole = (await model.invoke(question)).text;
    const word = whole.split(" ")[3] ?? "";
    expect((await model.invoke(question, { stop: [word, ""] })).text).toBe(whole.slice(0, whole.indexOf(word)));
  });

  it("answers messages with content blocks like plain ones", async () => {
    const plain = await model.invoke([new HumanMessage(question), new AIMessage("Well."), new HumanMessage("And pears?")]);
    const blocks = await model.invoke([
      new HumanMessage({ content: [{ type: "text", text: question }] }),
      new AIMessage("Well."),
      new HumanMessage({ content: [{ type: "text", text: "And pears?" }] }),
    ]);
    expect(blocks.text).toBe(plain.text);
  });
});

describe("a rehearsal", () => {
  it("sees good and bad answers in turn, and panels that disagree", async () => {
    const turns = (await Promise.all(variedSeeds.map((seed) => rehearse(seed, 3)))).flat();
    const positive = turns.filter((turn) => turn.verdict === "positive").length / turns.length;
    expect(positive).toBeGreaterThan(0.35);
    expect(positive).toBeLessThan(0.65);
    const divided = turns.filter((turn) => new Set(turn.reviews.map((review) => review.verdict)).size > 1);
    expect(divided.length / turns.length).toBeGreaterThan(0.1);
  });

  it("gives 20 turns 20 different instructions, whichever way the verdicts go", async () => {
    for (const seed of variedSeeds.slice(0, 12)) {
      const turns = await rehearse(seed, 20);
      expect(new Set(turns.map((turn) => turn.instruction.toLowerCase())).size).toBe(20);
    }
  });

  it("is the same conversation the second time", async () => {
    expect(await rehearse(question, 4)).toEqual(await rehearse(question, 4));
  });
});
